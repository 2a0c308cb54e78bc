"""Factors of pictures in a folder: the classes that its subfolders are, and the columns of a CSV file."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tfvae.data.columns import in_order
from tfvae.data.factor_table import FactorTable
from tfvae.data.pictures import passed_over
from tfvae.data.sets.factor_file import cells_of

CLASS = "class"


def factors_of(
    root: Path,
    files: Sequence[Path],
    *,
    factors: str | os.PathLike[str] | bool | None,
    columns: Sequence[str] | None,
    file_column: str | None,
    classes: bool | None,
    kept: Sequence[int],
) -> FactorTable | None:
    """Returns the factors of pictures.

    Args:
        root: the folder.
        files: the pictures in it, in the order of the images.
        factors, columns, file_column, classes: see `folder.load`.
        kept: the places of the pictures that can be read.

    Returns:
        A row for each picture that is kept; None if there are no factors.

    Raises:
        FileNotFoundError, ValueError, OSError: see `folder.load`.
    """
    if factors is True or factors == "" or (not factors and (columns is not None or file_column is not None)):
        raise ValueError(
            f"Expected factors=FILE.csv, for columns and file_column too. Received: factors={factors!r}, "
            f"columns={columns!r}, file_column={file_column!r}"
        )
    if classes not in (None, True, False):
        raise ValueError(f"Expected classes to be true or false. Received: classes={classes!r}")
    of_csv = FactorTable(*cells_of(root, files, factors, columns, file_column, kept)) if factors else None
    found = _class_of(root, files, required=bool(classes)) if classes or (classes is None and factors is None) else None
    if found is None:
        return of_csv
    # The names of folders are labels even where they are numbers: 01 and 1 are two classes.
    found = [found[place] for place in kept]
    texts = in_order(set(found))
    column = np.array([[texts.index(text)] for text in found], float)
    if of_csv is None:
        return FactorTable([CLASS], column, labels={CLASS: texts})
    if CLASS in of_csv.names:
        raise ValueError(
            f"Expected classes, or a column {CLASS!r}. Received: classes=true and such a column in {factors}"
        )
    return FactorTable(
        [*of_csv.names, CLASS],
        np.hstack([of_csv.values_of(np.arange(len(kept))), column]),
        continuous=dict(zip(of_csv.names, of_csv.continuous, strict=True)),
        labels={**of_csv.labels, CLASS: texts},
    )


def _class_of(root: Path, files: Sequence[Path], *, required: bool) -> list[str] | None:
    """The class of each picture, the folder below `root` that it is in; None if the folders are no classes.

    They are classes if there are at least two, and no picture is beside them.
    """
    parts = [file.relative_to(root).parts for file in files]
    beside = [part[0] for part in parts if len(part) == 1]
    folders = sorted(each.name for each in os.scandir(root) if each.is_dir() and not each.name.startswith("."))
    if beside or len(folders) < 2:
        if required:
            received = f"{len(beside)} pictures beside them, such as {beside[0]!r}" if beside else f"folders {folders}"
            raise ValueError(f"Expected two folders or more in {root}, one a class. Received: {received}")
        return None
    count = Counter(part[0] for part in parts)
    for name in folders:
        if not count[name]:
            others = [Path(folder, each) for folder, _, names in os.walk(root / name) for each in names]
            raise ValueError(
                f"Expected pictures in each folder of {root}, which are classes unless classes=false. "
                f"Received: {name!r} with {passed_over(others) or 'nothing'}"
            )
    return [part[0] for part in parts]
