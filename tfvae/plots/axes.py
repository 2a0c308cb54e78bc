"""Charts in one style: axes, colours, and SVG that takes the colours of the page around it."""

import io
import re
from collections.abc import Iterator

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from tfvae.plots.figures import Picture
from tfvae.plots.tiles import DPI, FAINT, INK

# Distinct to colour-blind readers, on white and on black.
COLORS = ("#3b78c3", "#e4572e", "#2a9d6f", "#9b5fc0", "#c98a1b", "#5b8a99", "#c2477f", "#7a7f35")


def new_axes(rows: int, columns: int, *, width: float = 3.2, height: float = 2.4) -> tuple[Figure, list[Axes]]:
    """A figure of rows x columns charts, each about width x height inches, with its axes row by row."""
    figure = Picture(figsize=(columns * width, rows * height), dpi=DPI, facecolor="white", layout="constrained")
    axes = [figure.add_subplot(rows, columns, place + 1) for place in range(rows * columns)]
    for each in axes:
        for side in ("top", "right"):
            each.spines[side].set_visible(False)
        for side in ("left", "bottom"):
            each.spines[side].set_color(FAINT)
        each.tick_params(colors=INK, labelsize=8, width=0.6, length=3, color=FAINT)
        for label in (each.xaxis.label, each.yaxis.label):
            label.set_color(INK)
            label.set_fontsize(8.5)
        each.patch.set_visible(False)
    return figure, axes


def colors(number: int) -> Iterator[str]:
    """The first `number` colours, in the order in which charts use them; they repeat after eight."""
    return (COLORS[place % len(COLORS)] for place in range(number))


def set_title(axes: Axes, text: str, *, color: str = INK) -> None:
    axes.set_title(text, fontsize=9, color=color)


def add_legend(target: Axes | Figure, **settings: object) -> None:
    """A legend without a box, in the colour of the text."""
    target.legend(frameon=False, fontsize=8, labelcolor=INK, **settings)


def svg(figure: Figure, name: str) -> str:
    """The figure as an <svg> element for a page: transparent, its text in the page's own colour.

    The same figure gives the same text. Its identifiers begin with `name`, so that one page can hold several figures.
    """
    kept = figure.get_facecolor()
    figure.set_facecolor("none")
    file = io.StringIO()
    # Text as outlines: the same on every machine, whatever fonts it has.
    with matplotlib.rc_context({"svg.hashsalt": "tfvae", "svg.fonttype": "path"}):
        FigureCanvasSVG(figure).print_svg(file, metadata={"Date": None, "Creator": None})
    figure.set_facecolor(kept)
    text = file.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\1{name}-", text)
    for color, variable in ((INK, "currentColor"), (FAINT, "var(--faint, #8a8a8a)")):
        text = text.replace(color, variable)
    # It takes the width that the page has, up to its own; a size in the tag would fix it.
    tag, rest = text.split(">", 1)
    tag = re.sub(r'\s(?:width|height)="[^"]*"', "", tag)
    width, height = (96 * size for size in figure.get_size_inches())
    style = f"max-width: {width:.0f}px; aspect-ratio: {width:.0f} / {height:.0f}"
    return f'{tag} style="{style}">{rest}'
