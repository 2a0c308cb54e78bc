"""Writes the codes of all images: a row for each, with the name of its file and its factors where they are known.

  tfvae encode --model=runs/photos --output=codes.csv
  tfvae encode --model=factor_vae-dsprites --data=folder:photos --output=codes.parquet

The model is a run's folder, a .keras file, a SavedModel's folder, or a zoo name. The columns of a .csv or .parquet file
are index and file; z0, z1, ..., the means; z0.log_variance, ..., where the model has a posterior; z0.index, ..., where
codes have few values; category and its probabilities, where it has one; and each factor under its name. A .npz file has
arrays: mean, log_variance, value_indices, probabilities, files, factors and factor_names.
"""

from collections.abc import Sequence

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A folder, a file, or a zoo name.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The file to write: .csv, .parquet or .npz.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one that the model was trained on.")


def main(argv: Sequence[str]) -> None:
    from tfvae.codes import Codes
    from tfvae.codes.table import check_suffix
    from tfvae.data.shapes import noun
    from tfvae.loading import load

    path = check_suffix(OUTPUT.value)
    trained = load(MODEL.value)
    able, data = trained.capabilities(), trained.load_data(DATA.value)
    able.check_shape(data.image_shape)
    Codes(able, data).save(path)
    print(f"Wrote the codes of {len(data):,} {noun(data.image_shape)}: {path}")
