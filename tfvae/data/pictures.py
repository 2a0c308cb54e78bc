"""Reads pictures of any size, file format and colour mode as the square uint8 images that networks are trained on."""

import contextlib
import functools
import os
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm import tqdm

# 8192 x 8192: Pillow uses up to 4 bytes a pixel, so decoding a picture takes at most 268 MB.
MAX_PIXELS = 2**26
# 4096 x 4096: up to half a gigabyte while an exported encoder resizes one, see `tfvae.export.pictures`.
MAX_SERVED_PIXELS = 2**24
_WORKERS = min(8, os.cpu_count() or 1)
_BLOCK = 256
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def read_picture(path: str | os.PathLike[str], size: int = 64, crop: int | None = None) -> np.ndarray:
    """Reads a picture and fits it to a size, as `fitted` does.

    The orientation that a camera recorded is applied. Transparent parts become white. 16 bits a channel are scaled to
    8. CMYK and palettes become RGB. Only the first frame of an animation is read. A JPEG of more than
    `MAX_PIXELS` pixels is decoded at a reduced size.

    Args:
        path: a file that Pillow can read.
        size: H = W of the image.
        crop: see `fitted`.

    Returns:
        uint8 array [size, size, 3].

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a regular file or not a picture, is broken, or has more than `MAX_PIXELS` pixels.
    """
    check_regular(path)
    with open(path, "rb") as file, opened(file) as picture:
        if picture.width * picture.height > MAX_PIXELS:
            picture.draft(None, (2 * size, 2 * size))  # Affects JPEG only, and never goes below this size.
        return np.asarray(fitted(upright_rgb(picture), size, crop))


def check_regular(path: str | os.PathLike[str]) -> None:
    """Checks that a path is a file or a link to one: a pipe or a device might be read for ever.

    Raises:
        OSError: if there is nothing.
        ValueError: if it is something else.
    """
    if not stat.S_ISREG(os.stat(path).st_mode):
        raise ValueError("it is not a regular file")


@contextmanager
def opened(file: BinaryIO) -> Iterator[Image.Image]:
    """A picture whose header is read; its pixels are read when they are needed, within the block.

    The content decides the format, out of those of `suffix_of_picture`: Pillow's readers of other formats are not
    tried, as that of EPS would start another program.

    Raises:
        OSError: if the file cannot be read.
        ValueError: if it is not a picture, or is broken.
    """
    try:
        with Image.open(file, formats=sorted(set(_readable().values()))) as picture:
            _scale_transparent_colour(picture)
            yield picture
    except UnidentifiedImageError:
        empty = file.seek(0, os.SEEK_END) == 0
        raise ValueError("the file is empty" if empty else "its content is not that of a picture") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ValueError(f"there are more than {MAX_PIXELS:,} pixels") from None
    except (OSError, ValueError):
        raise
    except Exception as error:  # Pillow's readers raise anything for broken files.
        raise ValueError(f"{type(error).__name__}: {error}") from None


def upright_rgb(picture: Image.Image) -> Image.Image:
    """The picture as `read_picture` describes it, of mode RGB in its own size.

    Args:
        picture: from `opened`.

    Raises:
        OSError: if the file ends too early.
        ValueError: if it has more than `MAX_PIXELS` pixels, or levels whose value for white is unknown.
    """
    if picture.width * picture.height > MAX_PIXELS:
        raise ValueError(f"{picture.width} x {picture.height} pixels are more than {MAX_PIXELS:,}")
    picture.load()
    return _as_rgb(ImageOps.exif_transpose(picture))


def fitted(picture: Image.Image, size: int = 64, crop: int | None = None) -> Image.Image:
    """Crops the square in the middle and resizes it with a Lanczos filter, which does not alias.

    Args:
        picture: a picture of mode L or RGB.
        size: width and height of the result.
        crop: side of the square, at most the shorter side of the picture, which is also the default.
    """
    side = min(picture.width, picture.height, crop or picture.width)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    # Cropped first: with box as an argument of resize, the filter would read pixels outside of it.
    square = picture.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.LANCZOS)


def in_parallel(
    function: Callable[[_Item], _Result], items: Sequence[_Item], progress: bool = False
) -> Iterator[list[_Result]]:
    """Yields the results of a function for all items, in order, 256 at a time. Threads work one block ahead."""
    blocks = [items[start : start + _BLOCK] for start in range(0, len(items), _BLOCK)]
    with (
        warnings.catch_warnings(),
        ThreadPoolExecutor(_WORKERS) as pool,
        tqdm(total=len(items), unit="image", disable=None if progress else True, leave=False) as bar,
    ):
        # Our own limit raises an error, and Pillow's warnings about repairs do not name the file.
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
        warnings.filterwarnings("ignore", module="PIL")
        running = [pool.map(function, block) for block in blocks[:1]]
        for k in range(len(blocks)):
            if k + 1 < len(blocks):
                running.append(pool.map(function, blocks[k + 1]))
            results = list(running.pop(0))
            bar.update(len(results))
            yield results


def _scale_transparent_colour(picture: Image.Image) -> None:
    """Pillow gives the pixels of a PNG in 8 bits, but its transparent colour in the bits of the file."""
    colour = picture.info.get("transparency")
    if picture.format != "PNG" or colour is None or not picture.tile:
        return
    match picture.tile[0][3]:
        case "L;2":
            picture.info["transparency"] = 85 * colour
        case "L;4":
            picture.info["transparency"] = 17 * colour
        case "RGB;16B":
            picture.info["transparency"] = tuple(level >> 8 for level in colour)


def _as_rgb(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        levels = np.asarray(picture)
        if levels.size and (levels.min() < 0 or levels.max() > 65535):
            raise ValueError(f"its levels {levels.min()} .. {levels.max()} do not fit into 16 bits")
        # 65535 = 257 * 255. Pillow's own conversion clips at 255.
        grey = ((levels.astype(np.uint32) + 128) // 257).astype(np.uint8)
        grey[levels == picture.info.get("transparency", -1)] = 255
        picture = Image.fromarray(grey)
    elif picture.mode == "F":
        raise ValueError("its pixels are floating point numbers, whose value for white is unknown")
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
    return picture.convert("RGB")


def suffix_of_picture(path: Path) -> bool:
    """Whether the suffix of a file is that of a picture that can be read."""
    return path.suffix.lower() in _readable()


def passed_over(files: Iterable[Path]) -> str:
    """The files that are not read as pictures, counted by suffix: "50 .heic (pip install pillow-heif), 2 .mp4".

    Returns:
        "" if there are none.
    """
    counts = Counter(file.suffix.lower() for file in files if not suffix_of_picture(file))
    hints = {suffix: " (pip install pillow-heif)" for suffix, name in _FORMATS.items() if name == "HEIF"}
    return ", ".join(
        f"{count:,} {suffix or 'without a suffix'}{hints.get(suffix, '')}" for suffix, count in counts.most_common()
    )


def is_unread_picture(path: Path) -> bool:
    """Whether the suffix of a file is that of a picture or a film that cannot be read."""
    return path.suffix.lower() in _UNREAD or (path.suffix.lower() in _FORMATS and not suffix_of_picture(path))


@functools.cache
def _readable() -> dict[str, str]:
    """The formats by suffix that this Pillow can read."""
    with contextlib.suppress(ImportError):
        import pillow_heif

        pillow_heif.register_heif_opener()
    Image.init()
    return {suffix: name for suffix, name in _FORMATS.items() if name in Image.OPEN}


# Pillow's name of the format of each suffix. A picture may have the suffix of another one.
_FORMATS = {
    **dict.fromkeys((".png", ".apng"), "PNG"),
    **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "JPEG"),
    ".webp": "WEBP",
    ".bmp": "BMP",
    ".dib": "DIB",
    ".gif": "GIF",
    **dict.fromkeys((".tif", ".tiff"), "TIFF"),
    **dict.fromkeys((".ppm", ".pgm", ".pbm", ".pnm"), "PPM"),
    ".jp2": "JPEG2000",
    ".avif": "AVIF",
    ".tga": "TGA",
    **dict.fromkeys((".heic", ".heif"), "HEIF"),  # of pillow-heif
}
# Raw files of cameras, films, and formats that are not read.
_UNREAD_NAMES = (
    "cr2 cr3 nef arw dng orf rw2 raf pef srw raw psd psb svg svgz eps ps pdf jxl exr hdr ico icns cur j2k jpx jpf "
    "pcx qoi sgi rgb dds xcf ai emf wmf avifs hif mp4 mov avi mkv webm m4v mpg mpeg 3gp"
)
_UNREAD = frozenset(f".{name}" for name in _UNREAD_NAMES.split())
