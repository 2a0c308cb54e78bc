"""A table of measurements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tfvae.files import markdown


@dataclass(frozen=True)
class Table:
    """What was measured, ready to be printed.

    Args:
        title: what the numbers are, and their units.
        columns: their names, the first that of the rows.
        rows: one cell a column: text, whole numbers or floats, None where nothing was measured.
        notes: sentences that belong under the table: how it was measured, what was left out and why.

    Raises:
        ValueError: when a row has another number of cells than there are columns.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    notes: Sequence[str] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"Expected {len(self.columns)} cells, one a column of {self.columns}. Received: {row}")

    def to_markdown(self) -> str:
        """The table in Markdown, with its title as a heading."""
        lines = [f"### {self.title}", "", markdown.head(self.columns, right=self.columns[1:])]
        lines += [markdown.row(map(_cell, row)) for row in self.rows]
        for note in self.notes:
            lines += ["", note]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> Mapping[str, Any]:
        """The table as JSON takes it: rows by column."""
        rows = [dict(zip(self.columns, row, strict=True)) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return str(value)
