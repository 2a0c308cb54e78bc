"""Figures that show themselves in a notebook, and are written as PNG, PDF or SVG."""

import io
import os
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_pdf import FigureCanvasPdf
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tfvae.files.atomic import written_whole

# The canvas of each suffix, and the metadata without which the same figure gives the same bytes.
_FORMATS: dict[str, tuple[Any, dict[str, None]]] = {
    ".png": (FigureCanvasAgg, {"Software": None}),
    ".pdf": (FigureCanvasPdf, {"Creator": None, "Producer": None, "CreationDate": None}),
    ".svg": (FigureCanvasSVG, {"Creator": None, "Date": None}),
}
SUFFIXES = tuple(_FORMATS)


class Picture(Figure):
    """A figure that a notebook shows where it is the last value of a cell, whatever matplotlib's backend is."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        FigureCanvasAgg(self).print_png(file, metadata=_FORMATS[".png"][1])
        return file.getvalue()


def save_figure(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Writes a figure at its own dpi; the same figure gives the same bytes.

    Args:
        figure: of any function of `tfvae.plots`.
        path: .png, or .pdf or .svg, whose text and lines are vectors, for a paper.

    Raises:
        ValueError: for another suffix.

    Examples:
        >>> from tfvae.plots.figures import save_figure
        >>> from tfvae.plots.samples import plot_samples
        >>> save_figure(plot_samples(np.zeros([10, 16, 16, 1])), "samples.pdf")
    """
    path = check_suffix(path)
    canvas, metadata = _FORMATS[path.suffix]
    # TrueType fonts, which publishers ask for; text of SVG as outlines, the same on every machine.
    settings = {"pdf.fonttype": 42, "svg.hashsalt": "tfvae", "svg.fonttype": "path"}
    with written_whole(path) as beside, matplotlib.rc_context(settings), beside.open("wb") as file:
        canvas(figure).print_figure(file, format=path.suffix[1:], dpi=figure.dpi, metadata=metadata)


def check_suffix(path: str | os.PathLike[str], *others: str) -> Path:
    """Returns a path as one.

    Raises:
        ValueError: if it ends in none of `SUFFIXES` and `others`.
    """
    path = Path(path)
    if path.suffix not in (*SUFFIXES, *others):
        raise ValueError(
            f"Expected a file that ends in {', '.join([*SUFFIXES, *others])}. Received: {os.fspath(path)!r}"
        )
    return path
