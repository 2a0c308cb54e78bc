"""Tables in Markdown."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Measurements, or results, that are printed as a table.

    Args:
        title: what the numbers are, and their units.
        columns: their names; the first names the rows.
        rows: one cell for each column: text, whole numbers or floats, None where there is no value.
        notes: sentences under the table: how it was measured, what was left out and why.

    Raises:
        ValueError: when the number of cells in a row is not the number of columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for cells in self.rows:
            if len(cells) != len(self.columns):
                raise ValueError(
                    f"Expected {len(self.columns)} cells, one for each column of {self.columns}. Received: {cells}"
                )

    def to_markdown(self) -> str:
        """The table in Markdown, with its title as a heading."""
        lines = [f"### {self.title}", "", head(self.columns, right=self.columns[1:])]
        lines += [row(map(_cell, cells)) for cells in self.rows]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> Mapping[str, Any]:
        """The table for JSON: a dictionary for each row, by column."""
        rows = [dict(zip(self.columns, cells, strict=True)) for cells in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def head(columns: Sequence[str], *, right: Collection[str] = ()) -> str:
    """The first two lines of a table: the names of its columns; those in `right` are aligned to the right."""
    return f"{row(columns)}\n{row('---:' if column in right else '---' for column in columns)}"


def row(cells: Iterable[object]) -> str:
    """A line of a table, without the line break; a | within a cell is escaped."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def plain(value: object) -> str:
    """Text from elsewhere, such as the name of a factor, in a cell: no code, tag, column or line begins in it."""
    return " ".join(re.sub(r"([\\`|<])", r"\\\1", str(value)).split())


def code(value: object) -> str:
    """Text from elsewhere, such as a path, as code in a cell: its fence is longer than any run of ` in it."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
