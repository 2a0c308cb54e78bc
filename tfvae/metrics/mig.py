"""MIG: the mutual information gap."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.histograms import binned_codes, entropies, histogram_seconds, mutual_information
from tfvae.metrics.limits import check_cost
from tfvae.metrics.sampling import binned, over_draws, scored_columns


def mig_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    bins: int = 20,
    binning: str = "histogram",
    repeats: int = 5,
) -> dict[str, Any]:
    """How much more the most informative latent says about a factor than the second one; higher is better.

        MIG = (1/K) sum_k (I(b_j*; v_k) - max_{j != j*} I(b_j; v_k)) / H(v_k),   j* = argmax_j I(b_j; v_k)

    (Chen et al., 2018, Eq. 6), with I estimated from bins b_j of the means mu_j, as in disentanglement_lib. In [0, 1],
    but a perfect code scores 1 only if there are no more values than bins: 0.895 on dSprites, see `ceiling`. Invariant
    to the order, offset and scale of latents. A factor that two latents encode equally scores 0, like one that no
    latent encodes. A latent that encodes several factors is not penalised. Costs D K histograms of the samples.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        bins: int >= 2, the number of bins of a latent; published: 20.
        binning: "histogram" (published) or "quantile", see `histograms.binned_codes`.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "per_factor", the gap of each scored factor, and
        "active_latents". With one active latent the second information is 0; with none the score is 0.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, copies = factors, np.hstack([factors, factors])
        >>> results = [score(codes, factors, metrics="mig") for codes in (perfect, copies)]
        >>> [round(result["mig"]["score"], 2) for result in results]
        [1.0, 0.0]
    """
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    pairs, rows = int(active.sum()) * len(columns), min(samples, len(codes.data))
    check_cost(
        f"mig's histograms of {pairs:,} pairs of a latent and a factor",
        "fewer samples or repeats, or fewer columns",
        seconds=(repeats + 1) * histogram_seconds(rows, pairs),
    )

    def measure(indices: np.ndarray) -> dict[str, Any]:
        values = factors.to_factors(indices)[:, columns]
        information = mutual_information(binned_codes(codes.means(indices)[:, active], bins, binning), values)
        # Rows of zeros stand for missing latents, so that there are always two.
        ordered = np.sort(np.concatenate([np.zeros((2, len(columns))), information]), axis=0)
        entropy = entropies(values)
        gaps = np.divide(ordered[-1] - ordered[-2], entropy, out=np.zeros(len(columns)), where=entropy > 0)
        return {"score": gaps.mean(), "per_factor": gaps}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
