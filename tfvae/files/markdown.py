"""Tables in Markdown."""

from collections.abc import Collection, Iterable, Sequence


def head(columns: Sequence[str], *, right: Collection[str] = ()) -> str:
    """A table's first two lines: its columns' names; those in `right` stand to the right."""
    return f"{row(columns)}\n{row('---:' if column in right else '---' for column in columns)}"


def row(cells: Iterable[object]) -> str:
    """A line of a table, without its end; a | within a cell is shown as one."""
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"
