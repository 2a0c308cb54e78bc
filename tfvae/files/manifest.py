"""manifest.json: the SHA-256 and size of every file in a folder, to find files that changed on the way."""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tfvae.files.atomic import written_whole

NAME = "manifest.json"


def write_manifest(folder: str | os.PathLike) -> Path:
    """Writes or replaces the manifest.json of a folder: {"files": {name: {"sha256": ..., "bytes": ...}}}.

    Returns:
        Its path.

    Raises:
        FileNotFoundError: if the folder does not exist.
        ValueError: if it holds a link, or anything else that is neither a file nor a folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"Expected a folder. There is none at {folder}")
    with written_whole(folder / NAME) as beside:
        beside.write_text(json.dumps({"files": _described(folder, leave_out=beside)}, indent=1) + "\n")
    return folder / NAME


def verify_manifest(folder: str | os.PathLike) -> None:
    """Checks that a folder holds the files of its manifest, byte for byte, and no others.

    It finds damage, not malice: someone who can change a file can change the manifest too. Against that, compare the
    digest of manifest.json itself with one from another source. Links are refused, because what they point to may
    change after the check; the folder itself may be a link.

    Raises:
        ValueError: naming the first file, in order, that has changed, is missing or is not in the manifest; or a link,
            a pipe or a device; or if there is no manifest that can be read.
    """
    folder = Path(folder)
    expected = _read(folder / NAME)
    found = _described(folder)
    for name in sorted({*expected, *found}):
        if name not in found:
            raise ValueError(f"Expected the file {name} of {NAME}. There is none in {folder}: get the folder again")
        if name not in expected:
            raise ValueError(f"Expected only the files of {NAME} in {folder}. Received: also {name}. Move it away")
        if found[name] != expected[name]:
            raise ValueError(
                f"Expected {folder / name} as {NAME} describes it, {expected[name]}. Received: {found[name]}. "
                "It has changed since it was exported: get the folder again"
            )


def verify_if_present(folder: str | os.PathLike) -> None:
    """`verify_manifest` for a folder that has a manifest; exports of other libraries have none.

    Raises:
        ValueError: as `verify_manifest`.
    """
    if os.path.lexists(Path(folder, NAME)):
        verify_manifest(folder)


def _described(folder: Path, leave_out: Path | None = None) -> dict[str, dict[str, Any]]:
    """All files in a folder except its manifest, by their relative paths in POSIX form."""
    files = sorted(_regular_files(folder))
    return {
        file.relative_to(folder).as_posix(): _describe(file) for file in files if file not in (folder / NAME, leave_out)
    }


def _regular_files(folder: Path) -> Iterator[Path]:
    for entry in folder.rglob("*"):  # which does not follow links
        mode = entry.lstat().st_mode
        if stat.S_ISREG(mode):
            yield entry
        elif not stat.S_ISDIR(mode):
            kind = "a link" if stat.S_ISLNK(mode) else "neither a file nor a folder"
            raise ValueError(
                f"Expected files and folders alone in {folder}. Received: {entry.relative_to(folder).as_posix()}, "
                f"which is {kind}. Replace it by a file, for example with cp -rL"
            )


def _describe(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        return {"sha256": hashlib.file_digest(opened, "sha256").hexdigest(), "bytes": file.stat().st_size}


def _read(path: Path) -> dict[str, Any]:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            raise ValueError(f"Expected a file {path}. Received: a link, a folder or a device")
        files = json.loads(path.read_text())["files"]
    except FileNotFoundError:
        raise ValueError(f"Expected a {NAME} in {path.parent}. There is none: write one with write_manifest") from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"Expected a manifest, a JSON object with files. Received: {path}: {error!r}") from None
    if not isinstance(files, dict):
        raise ValueError(f"Expected a manifest, an object of files. Received: {path} with files={files!r}")
    return files
