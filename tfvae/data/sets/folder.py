"""A folder of pictures: a user's own images, fitted to the size of the network once and then cached.

The order is that of the sorted paths. Subfolders are included; they are classes if there are at least two, and no
picture is beside them. Links are followed, and each folder is read once. Hidden files and files whose suffix is not
that of a picture are passed over; `str` of the data counts them, and a warning does if some are films, or pictures of
other formats. HEIC files are read where pillow-heif is installed.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tfvae.data.cache import Cached, cache_folder, cached
from tfvae.data.declared import names_in
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.data.pictures import in_parallel, is_unread_picture, passed_over, read_picture, suffix_of_picture
from tfvae.data.rows import RowWriter, rewrite
from tfvae.data.sets.picture_factors import factors_of


def load(
    path: str | os.PathLike[str],
    *,
    size: int = 64,
    channels: int | None = None,
    crop: int | None = None,
    skip_broken: bool = False,
    factors: str | os.PathLike[str] | bool | None = None,
    columns: str | Sequence[str] | None = None,
    file_column: str | None = None,
    classes: bool | None = None,
    cache: str | os.PathLike[str] | None = None,
) -> ImageData:
    """Reads the pictures in a folder. After the first time they come from the cache, until a file changes.

    Args:
        path: the folder.
        size: H = W of the images, at least 1.
        channels: 1 for grey, 3 for colour; by default 1 if all pictures are grey, else 3.
        crop: side of the square in the middle of each picture that is resized; by default its shorter side.
        skip_broken: whether to leave out pictures that cannot be read, with a warning.
        factors: a CSV file, in the folder or by its path, with a header and a row for each picture: a column of their
            names, as paths from the folder (or without folders, if no two are the same), and columns of factors.
            A column of numbers is one of numbers, another one of labels. False: no factors and no classes.
        columns: the columns of factors, separated by commas or in a list; by default all others.
        file_column: the column of names; by default the one that names pictures.
        classes: whether the folders in the folder are the values of a factor "class", by their names; by default if
            there are at least two, no picture is beside them, and no CSV file is given.
        cache: the folder of the cache; by default $TFVAE_CACHE, else the user's cache folder. N images take
            N size size channels bytes. If the pictures or these arguments change, a new copy is made.

    Returns:
        Images, uint8 [N, size, size, channels], whose `files` are their paths from the folder. `GroundTruthData` with a
        `FactorTable` if there are classes or a CSV file, else `ImageData`.

    Raises:
        FileNotFoundError: if there is no such folder, no picture in it, or the CSV file does not exist or names a
            picture that does not.
        ValueError: if a picture is broken, a folder of a class has no picture, a picture has no row in the CSV file or
            two, a value is missing, or an argument is out of range.
        OSError: if a folder cannot be read, or the disk of the cache is full.
    """
    root = existing_folder(path)
    found = files_below(root)
    if isinstance(factors, str | os.PathLike):
        found = [file for file in found if file.name != Path(factors).name]
    files, others = [file for file in found if suffix_of_picture(file)], passed_over(found)
    if not files:
        raise FileNotFoundError(
            f"Expected pictures, such as .png, .jpg or .webp, in {root} or a folder in it. Received: {others or 'none'}"
        )
    if any(map(is_unread_picture, found)):
        warnings.warn(f"{root}: {len(files):,} pictures are read; passed over: {others}", stacklevel=3)
    table_of = partial(
        factors_of,
        root,
        files,
        factors=factors,
        columns=None if columns is None else names_in(columns),
        file_column=None if file_column is None else str(file_column),
        classes=False if factors is False and classes is None else classes,
    )
    # Before the pictures are read, which takes longer, unless it depends on which of them can be.
    table = None if skip_broken else table_of(kept=range(len(files)))
    images = cached_pictures(
        "folder",
        root,
        files,
        size=size,
        channels=channels,
        crop=crop,
        skip_broken=skip_broken,
        cache=cache,
        table=np.arange(len(files))[:, np.newaxis] if skip_broken else None,
    )
    kept = np.arange(len(files)) if images.table is None else images.table[:, 0].astype(int)
    if skip_broken:
        table = table_of(kept=kept.tolist())
    name = f"folder:{os.fspath(path)}"
    data = (
        ImageData(name, images.images, digest=images.digest)
        if table is None
        else GroundTruthData(name, table, images.images, digest=images.digest)
    )
    data.files = tuple(files[place].relative_to(root).as_posix() for place in kept)
    left_out = len(files) - len(data)
    notes = [f"{left_out:,} broken"] * (left_out > 0) + [others] * bool(others)
    data.notes = f"passed over: {', '.join(notes)}" if notes else ""
    return data


def existing_folder(path: str | os.PathLike[str]) -> Path:
    """Returns the folder at `path`, in which ~ is the user's home.

    Raises:
        FileNotFoundError: if it does not exist.
    """
    root = Path(path).expanduser()
    if not os.fspath(path) or not root.is_dir():
        raise FileNotFoundError(f"Expected a folder. Received: no folder at {os.fspath(path)!r}")
    return root


def files_below(root: Path) -> list[Path]:
    """Returns the files below a folder that are not hidden, sorted. Each folder is listed once, however it is linked.

    Raises:
        OSError: if a folder cannot be read.
    """

    def stop(error: OSError) -> None:
        raise error

    files, seen = [], set()
    for folder, folders, names in os.walk(root, onerror=stop, followlinks=True):
        status = os.stat(folder)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(folder, name) for name in names if not name.startswith(".")]
    return sorted(files, key=lambda file: file.relative_to(root).parts)


def cached_pictures(
    kind: str,
    root: Path,
    files: Sequence[Path],
    *,
    size: int,
    channels: int | None,
    crop: int | None,
    skip_broken: bool,
    cache: str | os.PathLike[str] | None,
    table: np.ndarray | None = None,
) -> Cached:
    """Returns pictures from the cache, which is filled if it does not have them.

    Args:
        kind: the first part of the name of the entry in the cache.
        root: the folder of the files.
        files: the pictures, in the order of the images.
        size, channels, crop, skip_broken, cache: see `load`.
        table: numbers [N, K], a row for each picture.

    Raises:
        ValueError, OSError: see `load`.
    """
    if size < 1:
        raise ValueError(f"Expected size >= 1. Received: size={size}")
    if channels not in (None, 1, 3):
        raise ValueError(f"Expected channels to be 1, 3 or None. Received: channels={channels}")
    if crop is not None and crop < 1:
        raise ValueError(f"Expected crop >= 1, in pixels. Received: crop={crop}")
    key = hashlib.sha256(repr((1, str(root.resolve()), size, channels, crop, skip_broken)).encode("utf-8", "replace"))
    for file in files:
        key.update(os.fsencode(file.relative_to(root)) + b"\0")
        if file.exists():  # Otherwise a broken link, which is reported like a broken picture.
            status = file.stat()
            key.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    if table is not None:
        key.update(table.tobytes())
    fill = partial(
        _fill,
        files,
        size=size,
        channels=channels,
        crop=crop,
        skip_broken=skip_broken,
        table=table,
        progress=cache is None,
    )
    name = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in root.resolve().name)
    return cached(cache_folder(cache) / f"{kind}-{name}-{key.hexdigest()[:16]}", fill)


def _fill(
    files: Sequence[Path],
    folder: Path,
    *,
    size: int,
    channels: int | None,
    crop: int | None,
    skip_broken: bool,
    table: np.ndarray | None,
    progress: bool,
) -> None:
    """Writes images.npy, and table.npy if there is a table, into an entry of the cache."""
    path = folder / "images.npy"
    kept: list[int] = []
    broken: list[str] = []
    coloured = False
    with RowWriter(path, (size, size, 3), len(files)) as writer:
        for block in in_parallel(_reader(size, crop), files, progress=progress):
            start = len(kept) + len(broken)
            images = []
            for place, image in enumerate(block, start):
                if isinstance(image, Exception):
                    broken.append(f"{os.fspath(files[place])!r}: {image}")
                    if not skip_broken:
                        raise ValueError(
                            f"Expected a picture. Received: {broken[0]}. Repair or remove the file, or leave out all "
                            f"broken pictures by skip_broken=True (in a name: 'folder:PATH?skip_broken')"
                        )
                else:
                    kept.append(place)
                    images.append(image)
            if images:
                rows = np.stack(images)
                coloured = coloured or bool((rows != rows[..., :1]).any())
                writer.write(rows)
    if not kept:
        raise ValueError(f"Expected a picture that can be read. Received: {len(broken)} broken, first {broken[0]}")
    if broken:
        shown = "; ".join(broken[:10]) + ("; ..." if len(broken) > 10 else "")
        warnings.warn(f"{len(broken)} of {len(files)} pictures are broken and left out: {shown}", stacklevel=6)
    if channels == 1 or (channels is None and not coloured):
        rewrite(path, (size, size, 1), _as_grey)
    if table is not None:
        np.save(folder / "table.npy", table[kept])


def _reader(size: int, crop: int | None) -> Callable[[Path], np.ndarray | Exception]:
    def read(file: Path) -> np.ndarray | Exception:
        try:
            return read_picture(file, size, crop)
        except (ValueError, OSError) as error:
            return error

    return read


def _as_grey(images: np.ndarray) -> np.ndarray:
    """Luma by ITU-R BT.601, as in Pillow's mode L: uint8 [N, H, W, 3] -> [N, H, W, 1]."""
    red, green, blue = np.moveaxis(images.astype(np.uint32), -1, 0)
    return ((19595 * red + 38470 * green + 7471 * blue + 2**15) >> 16).astype(np.uint8)[..., np.newaxis]
