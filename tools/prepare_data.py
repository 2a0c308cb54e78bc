"""Writes a data set in the format of TensorFlow Datasets, so that tfds.load reads it without a download.

  python tools/prepare_data.py --data=dsprites --output=~/tensorflow_datasets
  python tools/prepare_data.py --data=mnist --source=FOLDER --output=~/tensorflow_datasets

dsprites and shapes3d are drawn. mnist and fashion_mnist are read from the four IDX files, perhaps as .gz, or the .npz
file in a folder. Afterwards, data=tfds:mnist trains on them, with TFDS_DATA_DIR set to another output than the above.
"""

from collections.abc import Sequence
from pathlib import Path

import start  # before anything that imports TensorFlow
import tensorflow_datasets
from absl import flags

from tfvae.data.tfds_export import DIGITS, DRAWN, export

DATA = flags.DEFINE_enum("data", None, sorted({*DRAWN, *DIGITS}), "What to write.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The data_dir of TensorFlow Datasets.", required=True)
SOURCE = flags.DEFINE_string("source", None, "For digits: the folder with their files.")


def main(argv: Sequence[str]) -> None:
    tensorflow_datasets.disable_progress_bar()  # Ours knows how many images there are.
    folder = export(DATA.value, Path(OUTPUT.value).expanduser(), source=SOURCE.value)
    print(f"Wrote {folder}")


if __name__ == "__main__":
    start.run(main, interrupted="Interrupted. Nothing was written.")
