"""MIG: the mutual information gap."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.mutual_information import binned_codes, entropies, mutual_information
from tfvae.metrics.sampling import binned, over_draws, scored_columns


def mig_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    collapsed_kl: float = 0.01,
    repeats: int = 5,
) -> dict[str, Any]:
    """How much more the most informative latent tells of a factor than the second one does; higher is better.

        MIG = (1/K) sum_k (I(b_j*; v_k) - max_{j != j*} I(b_j; v_k)) / H(v_k),   j* = argmax_j I(b_j; v_k)

    (Chen et al., 2018, Eq. 6), with I taken from the bins b_j of the means mu_j as disentanglement_lib does. In [0, 1],
    but a perfect code scores 1 only where there are no more values than bins: 0.895 on dSprites, see `ceiling`.
    Invariant to the order, offset and scale of latents. A factor that two latents share equally scores 0, as one that
    no latent tells; a latent that tells several factors is not punished. Costs D K histograms of the samples.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` of equally many images.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw; published: 10,000.
        bins: int >= 2, bins of a latent; published: 20.
        binning: "histogram" (published) or "quantile", see `mutual_information_score`.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "per_factor": a gap for each scored factor,
        "active_latents". With a single latent left the second information is 0, with none the score.
    """
    active = codes.active_latents(rng, collapsed_kl)
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)

    def measure(indices: np.ndarray) -> dict[str, Any]:
        values = factors.to_factors(indices)[:, columns]
        information = mutual_information(binned_codes(codes.mean(indices)[:, active], bins, binning), values)
        # Rows of zeros stand for latents that do not exist, so that there are always two.
        ordered = np.sort(np.concatenate([np.zeros((2, len(columns))), information]), axis=0)
        entropy = entropies(values)
        gaps = np.divide(ordered[-1] - ordered[-2], entropy, out=np.zeros(len(columns)), where=entropy > 0)
        return {"score": gaps.mean(), "per_factor": gaps}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
