"""Mutual information of two latents: how much each says about the others."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.histograms import (
    binned_codes,
    histogram_seconds,
    mutual_information,
    mutual_information_of_pairs,
)
from tfvae.metrics.limits import check_cost
from tfvae.metrics.sampling import over_draws

_FEW = 64


def mutual_information_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    repeats: int = 5,
) -> dict[str, Any]:
    """Mean mutual information of two latents, in nats, 0 if they are independent; lower is better. Needs no factors.

        score = 1 / (D (D-1)) sum_{i != j} I(b_i; b_j),   b_j the bin of mu_j    (Locatello et al., 2019, Appendix C)

    Invariant to the order, offset and scale of latents. At most log(bins). The estimate from binned samples is too high
    by about (bins - 1)^2 / (2 samples), 0.018 nats with the defaults. It depends on the bins, so compare only scores
    with the same bins. Costs D^2 / 2 histograms of the samples.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        bins: int >= 2, the number of bins of a latent; published: 20.
        binning: "histogram" (published) or "quantile", see `histograms.binned_codes`.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`) and "active_latents". Fewer than two latents score 0.

    Raises:
        ValueError: if a parameter is out of range, or the histograms would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> result = score(factors[:, [0, 0]], metrics="mutual_information")
        >>> round(result["mutual_information"]["score"], 2)
        1.1
    """
    active = codes.active_latents()
    count, rows = int(active.sum()), min(samples, len(codes.data))
    check_cost(
        f"mutual_information's histograms of {count**2:,} pairs of latents",
        "fewer samples or repeats, or codes of fewer latents",
        seconds=(repeats + 1) * histogram_seconds(rows, count**2 // 2),
    )

    def measure(indices: np.ndarray) -> dict[str, float]:
        binned = binned_codes(codes.means(indices)[:, active], bins, binning)
        # Both agree up to rounding. The first is the one of all published scores, which have few latents.
        pairs = mutual_information(binned, binned) if count <= _FEW else mutual_information_of_pairs(binned)
        return {"score": (pairs.sum() - np.trace(pairs)) / (count * (count - 1)) if count > 1 else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
