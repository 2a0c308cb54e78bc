"""Picture files as the graph of an exported encoder reads them, whatever files they are."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from tfvae.data.pictures import MAX_SERVED_PIXELS, opened, upright_rgb

# MPO is what some cameras write: several JPEG files in one, of which the first is read.
_FORMATS = ("PNG", "JPEG", "MPO")
_ORIENTATION = 0x0112
# Networks are smaller by far: a picture is sent with a shorter side of less than twice this.
_SIDE = 1024


class Pictures:
    """Picture files as bytes to send; each is read when it is asked for.

    PNG and JPEG files that the server reads as the data set `folder:` does are sent as they are. All others that Pillow
    can read become PNG files: WebP, GIF (its first frame), BMP, TIFF, ..., a picture that its EXIF data turn, CMYK,
    which the server rounds otherwise, and pictures that are too large for the server.

    Args:
        files: paths, or the contents of files.
    """

    def __init__(self, files: Sequence[str | os.PathLike | bytes]):
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, rows: slice) -> list[bytes]:
        """The files to send.

        Raises:
            OSError: if there is no such file.
            ValueError: if one is not a picture that Pillow can read. The server finds damage behind the header of a
                PNG or JPEG file.
        """
        return [self._read(row) for row in range(len(self))[rows]]

    def _read(self, row: int) -> bytes:
        file = self._files[row]
        content = file if isinstance(file, bytes) else Path(file).read_bytes()
        try:
            return _sendable(content)
        except (OSError, ValueError) as error:
            name = f"item {row}, of {len(content):,} bytes" if isinstance(file, bytes) else f"'{os.fspath(file)}'"
            raise ValueError(f"Expected a picture that Pillow can read. Received: {name}: {error}") from error


def _sendable(content: bytes) -> bytes:
    with opened(io.BytesIO(content)) as picture:
        if _is_read_alike(picture, content):
            return content
        rgb = upright_rgb(picture)
    factor = min(rgb.size) // _SIDE
    file = io.BytesIO()
    (rgb.reduce(factor) if factor > 1 else rgb).save(file, "PNG", compress_level=1)
    return file.getvalue()


def _is_read_alike(picture: Image.Image, content: bytes) -> bool:
    """Whether the server reads the same pixels in the file as Pillow."""
    return (
        picture.format in _FORMATS
        and picture.width * picture.height <= MAX_SERVED_PIXELS
        and picture.mode != "CMYK"
        and not _is_turned(picture, content)
    )


def _is_turned(picture: Image.Image, content: bytes) -> bool:
    # Without one of these in a PNG, Pillow would decode all of its pixels to find EXIF data behind them.
    if picture.format == "PNG" and not any(name in content for name in (b"eXIf", b"exif", b"xmp")):
        return False
    return picture.getexif().get(_ORIENTATION, 1) != 1
