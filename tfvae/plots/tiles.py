"""Figures of small images, exact to the pixel. Positions are in pixels from the figure's top left corner."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import BboxImage
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox, TransformedBbox

from tfvae.plots.figures import Picture

DPI = 100
INK, FAINT = "#222222", "#8a8a8a"
ACCENT = (228, 87, 46)


def new_figure(width: int, height: int) -> Figure:
    """An empty white figure of width x height pixels."""
    return Picture(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")


def rendered(figure: Figure) -> np.ndarray:
    """The figure's pixels, uint8 [height, width, 3]."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def scale_for(images: np.ndarray, at_least: int) -> int:
    """How many screen pixels a pixel of images [N, H, W, C] must take for them to be `at_least` pixels high."""
    return -(-at_least // images.shape[1])


def pixels(image: np.ndarray, scale: int) -> np.ndarray:
    """An image [H, W, C] in [0, 1], grey or RGB, as uint8 [H scale, W scale, 3]."""
    if scale < 1:
        raise ValueError(f"Expected a scale of at least 1. Received: scale={scale}")
    levels = np.round(255 * np.clip(image, 0, 1)).astype(np.uint8)
    return np.broadcast_to(levels, (*levels.shape[:2], 3)).repeat(scale, axis=0).repeat(scale, axis=1)


def add_image(figure: Figure, x: int, y: int, image: np.ndarray, scale: int) -> None:
    """Places an image [H, W, C] in [0, 1] with its top left corner at (x, y)."""
    drawn = pixels(image, scale)
    # Not in axes of its own, which take longer to make than the image to draw.
    place = Bbox.from_bounds(*_box(figure, x, y, drawn.shape[1], drawn.shape[0]))
    tile = BboxImage(TransformedBbox(place, figure.transFigure), interpolation="none", origin="upper")
    tile.set_data(drawn)
    figure.add_artist(tile)


def add_frame(figure: Figure, x: int, y: int, width: int, height: int) -> None:
    """Draws a line of two pixels around the tile at (x, y)."""
    left, bottom, across, up = _box(figure, x - 1, y - 1, width + 2, height + 2)
    color = tuple(level / 255 for level in ACCENT)
    figure.add_artist(Rectangle((left, bottom), across, up, fill=False, edgecolor=color, linewidth=2 * 72 / DPI))


def add_text(figure: Figure, x: float, y: float, text: str, *, align: str = "center", color: str = INK) -> None:
    """Writes small text, vertically centred at (x, y)."""
    left, bottom, _, _ = _box(figure, x, y, 0, 0)
    # A font that comes with matplotlib, whatever the user's settings.
    font = FontProperties(family="DejaVu Sans", size=8)
    figure.text(left, bottom, text, ha=align, va="center", color=color, fontproperties=font, usetex=False)


def _box(figure: Figure, x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    """Left, bottom, width and height in matplotlib's fractions of a figure, which count from its lower left corner."""
    full_width, full_height = figure.get_size_inches() * DPI
    return x / full_width, 1 - (y + height) / full_height, width / full_width, height / full_height
