"""A CSV file with a row for each picture of a folder: a column of the pictures' names, and columns of factors."""

import csv
import os
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_DELIMITERS = ",;\t"


def cells_of(
    root: Path,
    files: Sequence[Path],
    factors: str | os.PathLike[str],
    columns: Sequence[str] | None,
    file_column: str | None,
    kept: Sequence[int],
) -> tuple[list[str], np.ndarray]:
    """Returns the names of factors, and their cells, text [N, K], in the order of the pictures that are kept.

    Args:
        root: the folder.
        files: the pictures in it.
        factors: the CSV file, by its path or within the folder.
        columns, file_column: see `folder.load`.
        kept: the places of the N pictures that need a row; the others, which cannot be read, may have one.

    Raises:
        FileNotFoundError, ValueError: see `folder.load`.
    """
    path = _csv_file(root, factors)
    header, rows = _read(path)
    known = {_plain(file.relative_to(root).as_posix()): index for index, file in enumerate(files)}
    places = [_places(root, [row[column] for row in rows], known) for column in range(len(header))]
    if file_column is None:
        named = [sum(place is not None for place in column) for column in places]
        best = [column for column in range(len(header)) if named[column] == max(named)]
        if not max(named):
            raise ValueError(
                f"Expected a column of {path} with the names of pictures in {root}, such as {next(iter(known))!r}. "
                f"Received: columns {header}, in the first row {rows[0]}"
            )
        if len(best) > 1:
            raise ValueError(
                f"Expected one column of {path} with the names of pictures; choose it by file_column=. "
                f"Received: {[header[column] for column in best]}"
            )
        of_files = best[0]
    else:
        of_files = _column(header, file_column, path)
    order = _order(root, files, path, [row[of_files] for row in rows], places[of_files], kept)
    chosen = [column for column in range(len(header)) if column != of_files]
    if columns is not None:
        chosen = [_column(header, name, path) for name in columns]
    if not chosen or of_files in chosen:
        raise ValueError(
            f"Expected columns of factors in {path} besides {header[of_files]!r}. "
            f"Received: {[header[column] for column in chosen]}"
        )
    names = [header[column] for column in chosen]
    for line, row in enumerate(rows, 1):
        for name, column in zip(names, chosen, strict=True):
            if row[column].lower() in ("", "nan"):
                raise ValueError(
                    f"Expected a value in each row of {path}. Received: {row[column]!r} in {name!r} of row {line}, "
                    f"{row[of_files]!r}"
                )
    return names, np.array([[rows[row][column] for column in chosen] for row in order])


def _csv_file(root: Path, factors: str | os.PathLike[str]) -> Path:
    places = {path.resolve(): path for path in (root / factors, Path(factors).expanduser()) if path.is_file()}
    if len(places) != 1:
        received = " and ".join(map(str, places.values())) or f"no file at {os.fspath(factors)!r}"
        error = ValueError if places else FileNotFoundError
        raise error(f"Expected a CSV file, within {root} or by its path. Received: {received}")
    return next(iter(places.values()))


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the rows of a CSV file: commas, semicolons or tabs, whichever the header has most of."""
    try:
        text = path.read_text("utf-8-sig")
        first = text.split("\n", 1)[0]
        delimiter = max(_DELIMITERS, key=first.count)
        lines = [[cell.strip() for cell in line] for line in csv.reader(text.splitlines(True), delimiter=delimiter)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"Expected a CSV file in UTF-8. Received: {path}: {error}") from None
    header, *rows = [line for line in lines if any(line)] or [[]]
    if not rows:
        raise ValueError(
            f"Expected a CSV file with a header and rows. Received: {path} with {len(header)} columns alone"
        )
    if "" in header or len(set(header)) < len(header):
        raise ValueError(
            f"Expected columns with names that are all different in {path} (pandas: to_csv(..., index=False)). "
            f"Received: {header}"
        )
    for number, row in enumerate(rows, 1):
        if len(row) != len(header):
            raise ValueError(
                f"Expected {len(header)} cells in each row of {path}. Received: {len(row)} in row {number}"
            )
    return header, rows


def _places(root: Path, cells: Sequence[str], known: dict[str, int]) -> list[int | None]:
    """The place of the picture that each cell names by its path, from `root` or absolute; None if it names none."""
    names = {Path(name).name: place for name, place in known.items()}
    unique = len(names) == len(known)

    def place(cell: str) -> int | None:
        name = _plain(cell)
        if os.path.isabs(cell):
            name = _plain(os.path.relpath(cell, root.resolve()))
        return known.get(name, names.get(name) if unique else None)

    return [place(cell) for cell in cells]


def _plain(name: str) -> str:
    """A path with slashes, without "./", and with accents as single letters (macOS stores two)."""
    return unicodedata.normalize("NFC", os.path.normpath(name.replace("\\", "/")) if name else "")


def _column(header: list[str], name: str, path: Path) -> int:
    if name not in header:
        raise ValueError(f"Expected a column of {path} out of {header}. Received: {name!r}")
    return header.index(name)


def _order(
    root: Path,
    files: Sequence[Path],
    path: Path,
    cells: Sequence[str],
    places: Sequence[int | None],
    kept: Sequence[int],
) -> list[int]:
    """The row of each picture that is kept."""
    absent = [cell for cell, place in zip(cells, places, strict=True) if place is None]
    if absent:
        raise FileNotFoundError(
            f"Expected {path} to name pictures in {root}. Received: {_listed(absent)}, which "
            f"{'is' if len(absent) == 1 else 'are'} not among its {len(files)} pictures"
        )
    count = Counter(places)
    if twice := [cell for cell, place in zip(cells, places, strict=True) if count[place] > 1]:
        raise ValueError(f"Expected one row for each picture in {path}. Received: {_listed(twice)} more than once")
    row_of = {place: row for row, place in enumerate(places)}
    if missing := [files[place].relative_to(root).as_posix() for place in kept if place not in row_of]:
        raise ValueError(f"Expected a row for each picture in {path}. Received: none for {_listed(missing)}")
    return [row_of[place] for place in kept]


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(map(repr, dict.fromkeys(names[:5])))
    return f"{len(names)} names, such as {shown}" if len(names) > 5 else shown
