"""Writes a page about a model: scores, figures, and sliders that move its latents. One file, which needs no network.

  tfvae report --model=runs/factor_vae --output=reports/factor_vae
  tfvae report --model=factor_vae-dsprites --output=report.html --quick

The model is a run's folder, a .keras file, a SavedModel's folder, or a zoo name. What the model or the data do not
allow is listed at the top of the page with the reason: an exported encoder, for example, has no samples. Without
--quick all images are encoded, and the bound of log p(x) has the paper's 5,000 particles for each of 100 images.
"""

from collections.abc import Sequence
from pathlib import Path

from absl import flags

MODEL = flags.DEFINE_string("model", None, "A folder, a file, or a zoo name.", required=True)
OUTPUT = flags.DEFINE_string("output", None, "The .html file to write, or a folder for index.html.", required=True)
DATA = flags.DEFINE_string("data", None, "A data set; by default the one that the model was trained on.")
LOGS = flags.DEFINE_string("logs", None, "A folder of event files; by default logs/ in the run's folder.")
QUICKLY = flags.DEFINE_bool("quick", False, "Fewer images and draws: for a first look, not for a comparison.")
OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing page.")
SEED = flags.DEFINE_integer("seed", 0, "Decides all draws.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    from tfvae.loading import load
    from tfvae.report.page import write_report

    trained = load(MODEL.value)
    path = Path(OUTPUT.value)
    path = path if path.suffix == ".html" else path / "index.html"
    logs = Path(MODEL.value) / "logs"
    write_report(
        trained,
        trained.load_data(DATA.value),
        path,
        title=Path(MODEL.value).name,
        logs=LOGS.value or (logs if logs.is_dir() else None),
        quick=QUICKLY.value,
        seed=SEED.value,
        overwrite=OVERWRITE.value,
        report=lambda text: print(f"{text} ...", flush=True),
    )
    print(f"Wrote the report: {path}")
