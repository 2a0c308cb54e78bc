"""Exports trained networks again, with the same weights, to get the signatures of this version of the library.

  python -m tools.reexport saved_models/my_vae/1 saved_models/my_vae/2
  python -m tools.reexport --entry=vae-dsprites

The first writes the encoder or decoder of a SavedModel as a new one. The second makes the newest version of a zoo entry
again as the next version, which replaces it. Both check that the outputs stay the same.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfvae.cli import start

ENTRY = flags.DEFINE_string("entry", None, "The name of a zoo entry, in place of two folders.")
ROOT = flags.DEFINE_string("root", str(Path(__file__).parent.parent), "The folder that holds zoo/ and saved_models/.")
ARGUMENTS = "folders ..."


def main(argv: Sequence[str]) -> None:
    from tfvae.release.reexport import reexport, reexport_entry

    if ENTRY.value is not None:
        version = reexport_entry(ENTRY.value, root=ROOT.value)
        print(f"Wrote version {version} of {ENTRY.value}, with the outputs of the version that it replaces")
        return
    if len(argv) != 3:
        raise ValueError(f"Expected two folders, of an export and of the new one, or --entry. Received: {argv[1:]}")
    reexport(argv[1], argv[2])
    print(f"Wrote {argv[2]}, with the outputs of {argv[1]}")


if __name__ == "__main__":
    start.run(sys.modules[__name__])
