"""Writes a data set in the format of TensorFlow Datasets, so that tfds.load reads it without a download.

  python -m tools.prepare_data --data=dsprites --output=~/tensorflow_datasets
  python -m tools.prepare_data --data=mnist --source=FOLDER --output=~/tensorflow_datasets

dsprites and shapes3d are drawn. mnist and fashion_mnist are read from a folder with the four IDX files, which may be
.gz, or with the .npz file. Afterwards, data=tfds:mnist trains on them; if --output is not the folder above, set
TFDS_DATA_DIR to it.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfvae.cli import start

INTERRUPTED = "Interrupted. Nothing was written."
DATA = flags.DEFINE_enum(
    "data", None, ["dsprites", "fashion_mnist", "mnist", "shapes3d"], "What to write.", required=True
)
OUTPUT = flags.DEFINE_string("output", None, "The data_dir of TensorFlow Datasets.", required=True)
SOURCE = flags.DEFINE_string("source", None, "For digits: the folder with their files.")


def main(argv: Sequence[str]) -> None:
    import tensorflow_datasets

    from tfvae.data.tfds_export import export

    tensorflow_datasets.disable_progress_bar()  # ours knows the number of images
    folder = export(DATA.value, Path(OUTPUT.value).expanduser(), source=SOURCE.value)
    print(f"Wrote {folder}")


if __name__ == "__main__":
    start.run(sys.modules[__name__])
