"""Modularity: whether a latent tells of one factor alone."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.mutual_information import binned_codes, mutual_information
from tfvae.metrics.sampling import binned, over_draws, scored_columns


def modularity_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    collapsed_kl: float = 0.01,
    repeats: int = 5,
) -> dict[str, Any]:
    """How close each latent is to informing of a single factor; higher is better.

        score = mean_j [1 - sum_{k != k*} I_jk^2 / (I_jk*^2 (K-1))],   I_jk = I(b_j; v_k),  k* = argmax_k I_jk

    (Ridgeway & Mozer, 2018, Section 3, Eq. 2), with I from the bins b_j of the means. In [0, 1]. Invariant to the
    order, offset and scale of latents. All latents count alike, so that pure noise, whose small estimates of I are
    much the same for factors of as many values, pulls the score down; and a code that lacks a factor can score 1.
    Costs D K histograms of the samples.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` of equally many images.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw; published: 10,000.
        bins: int >= 2, bins of a latent; published: 20.
        binning: "histogram" (published) or "quantile", see `mutual_information_score`.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "active_latents". No latent left scores 0.
    """
    active = codes.active_latents(rng, collapsed_kl)
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)

    def measure(indices: np.ndarray) -> dict[str, float]:
        values = factors.to_factors(indices)[:, columns]
        squares = mutual_information(binned_codes(codes.mean(indices)[:, active], bins, binning), values) ** 2
        most = squares.max(axis=1)
        informs = most > 0
        rest = (squares.sum(axis=1) - most)[informs] / (most[informs] * (len(columns) - 1))
        # A latent that informs of nothing at all has modularity 0, as in disentanglement_lib.
        return {"score": np.sum(1 - rest) / len(squares) if len(squares) else 0.0}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
