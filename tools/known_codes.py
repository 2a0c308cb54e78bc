"""Prints a table, in Markdown, of how each metric scores codes whose quality is known.

  python -m tools.known_codes
  python -m tools.known_codes --metrics=mig,sap --sizes=4,8,8

The codes are functions of the factors (see tfvae/metrics/known_codes.py): no image is drawn or encoded. Metrics that
train boosted trees use the parameters of QUICK, all others their defaults.
"""

import sys
from collections.abc import Sequence

from absl import flags

from tfvae.cli import start
from tfvae.metrics import METRICS, QUICK, score_codes

NAMES = flags.DEFINE_list("metrics", sorted(METRICS), "Names of metrics, separated by commas.")
SIZES = flags.DEFINE_list("sizes", ["3", "6", "40", "32", "32"], "Sizes of the factors, separated by commas.")
SEED = flags.DEFINE_integer("seed", 0, "Seed of the rotation, the noise and the metrics.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    import numpy as np

    from tfvae.data import FactorSpace
    from tfvae.files import markdown
    from tfvae.metrics.known_codes import known_codes

    if not all(size.isdecimal() and int(size) > 1 for size in SIZES.value):
        raise ValueError(
            f"Expected --sizes to be integers of at least 2, separated by commas. Received: {','.join(SIZES.value)}"
        )
    sizes = [int(size) for size in SIZES.value]
    space = FactorSpace(tuple(f"factor{k}" for k in range(len(sizes))), tuple(np.arange(size) for size in sizes))
    codes = known_codes(space, np.random.default_rng(SEED.value))
    few = {name: QUICK[name] for name in ("dci", "downstream", "reduced_downstream", "unfairness")}
    scores = [score_codes(known, NAMES.value, SEED.value, few) for known in codes.values()]
    print(markdown.head(["metric", *codes], right=codes))
    for name in NAMES.value:
        print(markdown.row([f"`{name}`", *(f"{score[name]['score']:.3f}" for score in scores)]))


if __name__ == "__main__":
    start.run(sys.modules[__name__])
