"""Lists the pretrained models of the zoo with their scores, or describes one.

tfvae zoo
tfvae zoo factor_vae-dsprites
"""

from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

ARGUMENTS = "[NAME] ..."
NEEDS_TENSORFLOW = False

ROOT = flags.DEFINE_string("root", None, "A folder that holds zoo/ and saved_models/; by default the library's own.")

_METRICS = {"factor_vae": "FactorVAE metric", "mig": "MIG", "dci": "DCI"}


def main(argv: Sequence[str]) -> None:
    from tfvae import zoo

    if len(argv) > 2:
        raise ValueError(f"Expected one name at most. Received: {list(argv[1:])}")
    if len(argv) == 2:
        print(zoo.card(argv[1], root=ROOT.value))
        return
    names = zoo.names(root=ROOT.value)
    if not names:
        print(f"The zoo in {ROOT.value} has no entries.")
        return
    rows = [_row(name, zoo.load_scores(name, root=ROOT.value)) for name in names]
    print(aligned([("entry", "steps", *_METRICS.values(), "reconstruction (nats)"), *rows]))


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Rows of cells as lines of text: the first column is aligned to the left, all others to the right."""
    columns = list(zip(*rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    padded = [[cell.rjust(width) for cell in column] for column, width in zip(columns, widths, strict=True)]
    padded[0] = [cell.ljust(widths[0]) for cell in columns[0]]
    return "\n".join("  ".join(row) for row in zip(*padded, strict=True))


def _row(name: str, scores: Mapping[str, Any]) -> tuple[str, ...]:
    steps = scores["release"]["steps"]
    results = [scores.get(metric, {}) for metric in _METRICS]
    return (
        name,
        f"{steps['trained']:,} of {steps['planned']:,}",
        *(_estimate(result.get("score"), result.get("standard_error"), digits=3) for result in results),
        _estimate(*map(scores.get("reconstruction", {}).get, ("nats", "standard_error")), digits=1),
    )


def _estimate(value: float | None, error: float | None, *, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f} +- {error:.{digits}f}"
