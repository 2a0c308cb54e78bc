"""New versions in a row, good, broken and half copied, in the folder that a server watches."""

import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tfvae.files.manifest import write_manifest


def put_versions(good: Path, folder: Path, *, first: int, pause: float) -> Iterator[tuple[int, str, bool]]:
    """Puts versions into a folder for ever, one for each item that is taken.

    Args:
        good: the folder of an exported version.
        folder: ".../<name>", which is served.
        first: the number of the first version.
        pause: seconds between the files of a version that is copied file by file, and between their halves.

    Yields:
        The version, its kind, and whether it is good.
    """
    for number, (kind, spoil) in zip(itertools.count(first), itertools.cycle(_KINDS.items()), strict=False):
        beside = folder / f".{number}.tmp"
        shutil.copytree(good, beside)
        if not (beside / "manifest.json").exists():
            write_manifest(beside)
        if spoil is not None:
            spoil(beside)
        if kind == "copied file by file":
            _copy_slowly(beside, folder / str(number), pause)
            shutil.rmtree(beside)
        else:
            os.rename(beside, folder / str(number))
        yield number, kind, spoil is None


def _copy_slowly(source: Path, target: Path, pause: float) -> None:
    for file in sorted(path for path in source.rglob("*") if path.is_file()):
        copy = target / file.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        content = file.read_bytes()
        for part in (content[: len(content) // 2], content):
            copy.write_bytes(part)
            time.sleep(pause)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def _replace(path: Path, change: Callable[[bytes], bytes]) -> None:
    path.write_bytes(change(path.read_bytes()))


# What is wrong with a version, and how a copy of a good one gets so; None for a good one.
_KINDS: dict[str, Callable[[Path], None] | None] = {
    "good": None,
    "an empty folder": _empty,
    "a graph that is text": lambda path: _replace(path / "saved_model.pb", lambda _: b"no graph"),
    "a graph cut short": lambda path: _replace(path / "saved_model.pb", lambda content: content[:-100]),
    "no variables": lambda path: shutil.rmtree(path / "variables"),
    "zeros as variables": lambda path: _replace(next(path.glob("variables/*.data*")), lambda x: bytes(len(x))),
    "a file that is not as the manifest says": lambda path: _replace(path / "fingerprint.pb", lambda x: x + b"\0"),
    "copied file by file": None,
}
