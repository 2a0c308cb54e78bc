"""Reads damaged pictures through `folder:` data and through an exported encoder; none may escape as another error.

  python -m tools.mutated_pictures
  python -m tools.mutated_pictures --folder=300 --export=50

`folder:?skip_broken` has to read or skip each of them, and the export has to answer each with finite codes or
INVALID_ARGUMENT. It takes some minutes.
"""

import resource
import sys
import time
from collections.abc import Sequence

from absl import flags

from tfvae.cli import start

FOLDER = flags.DEFINE_integer("folder", 30_000, "The number of pictures in a folder.", 1)
EXPORT = flags.DEFINE_integer("export", 5_000, "The number of pictures for the export.", 1)
SEED = flags.DEFINE_integer("seed", 0, "Decides the damage.", 0)


def main(argv: Sequence[str]) -> None:
    from tools.mutated_pictures import mutated, written_pictures
    from tools.mutated_pictures.reading import through_export, through_folder

    pictures = written_pictures()
    print(f"{len(pictures)} pictures of {len({name for name, _ in pictures})} formats")
    begin = time.monotonic()
    read = through_folder(list(mutated(pictures, FOLDER.value, SEED.value)))
    print(f"folder: {read:,} of {FOLDER.value:,} read, the others skipped, {time.monotonic() - begin:.0f} s")
    begin = time.monotonic()
    # Half of them are PNG and JPEG: the others are refused by their first bytes, if those are left.
    half = EXPORT.value // 2
    served = [each for each in pictures if each[0] in ("PNG", "JPEG")]
    damaged = [*mutated(served, EXPORT.value - half, SEED.value + 1), *mutated(pictures, half, SEED.value + 2)]
    counts = through_export([*damaged, *pictures])
    print(f"export: {dict(counts)}, {time.monotonic() - begin:.0f} s")
    print(f"memory: at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MB")


if __name__ == "__main__":
    start.run(sys.modules[__name__])
