"""Tables and images in HTML, for notebooks."""

import base64
import html
import io
from collections.abc import Iterable, Sequence

import numpy as np


def table(rows: Iterable[Sequence[object]], head: Sequence[object] = (), title: str = "") -> str:
    """A table; text is escaped.

    Args:
        rows: the cells of each row.
        head: the names of the columns; none by default.
        title: above the table.
    """
    lines = [f"<table><caption>{html.escape(title)}</caption>" if title else "<table>"]
    if head:
        lines.append(f"<thead>{_row(head, 'th')}</thead>")
    return "".join([*lines, "<tbody>", *(_row(row, "td") for row in rows), "</tbody></table>"])


def strip(images: np.ndarray) -> str:
    """Images side by side, uint8 [N, H, W, 1 or 3], at least 64 pixels high."""
    from PIL import Image

    count, height, width, _ = images.shape
    sheet = np.full((height, count, width + 1, 3), 255, np.uint8)
    sheet[:, :, :width] = np.broadcast_to(images, (count, height, width, 3)).transpose(1, 0, 2, 3)
    file = io.BytesIO()
    Image.fromarray(sheet.reshape(height, count * (width + 1), 3)).save(file, "PNG")
    style = f"height: {max(64, height)}px; image-rendering: pixelated"
    return (
        f'<img style="{style}" alt="images" src="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}">'
    )


def _row(cells: Sequence[object], tag: str) -> str:
    texts = ("" if cell is None else html.escape(str(cell)) for cell in cells)
    return "<tr>" + "".join(f'<{tag} style="text-align: left">{text}</{tag}>' for text in texts) + "</tr>"
