"""Tables in LaTeX."""

from collections.abc import Sequence

_ESCAPES = str.maketrans(
    {
        **{letter: f"\\{letter}" for letter in "&%$#_{}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


def escaped(text: str) -> str:
    """Text that LaTeX prints as it is."""
    return text.translate(_ESCAPES)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A tabular with the lines of booktabs; the first column is aligned to the left, the others to the right.

    Args:
        head: the names of the columns, in LaTeX.
        rows: the cells of each row, in LaTeX.
    """
    lines = [r"\begin{tabular}{l" + "r" * (len(head) - 1) + "}", r"\toprule", _line(head), r"\midrule"]
    return "\n".join([*lines, *map(_line, rows), r"\bottomrule", r"\end{tabular}", ""])


def _line(cells: Sequence[str]) -> str:
    return " & ".join(cells) + r" \\"
