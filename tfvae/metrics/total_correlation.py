"""The total correlation of the codes, were they Gaussian."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import over_draws

# Means are float32: less of a variance than this is rounding, and would make the total correlation of two equal
# latents infinite. They have 0.5 log(1e12) = 13.8 nats instead, or about.
_LEAST = 1e-12


def total_correlation_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    collapsed_kl: float = 0.01,
    repeats: int = 5,
) -> dict[str, Any]:
    """Total correlation, in nats, of the Gaussian with the covariance of the means; lower is better. Needs no factors.

        TC = KL(N(m, C) || prod_j N(m_j, C_jj)) = 0.5 (sum_j log C_jj - log det C)  (Locatello et al., 2019, Appendix C)

    At least 0. Invariant to the order, offset and scale of latents. It sees linear dependence alone, and that of the
    means, not of samples of q(z|x). The estimate from N independent samples is too high by about D (D-1) / (4 N).
    Costs one covariance.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        samples: int >= 2, random images of a draw; published: 10,000.
        collapsed_kl: float, in nats; latents of less or equal KL to the prior, and constant ones, are left out.
        repeats: int >= 2, number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "active_latents". Fewer than two latents score 0; latents
        that determine each other about 14 nats for each that is too many, where the definition has infinity.
    """
    active = codes.active_latents(rng, collapsed_kl)

    def measure(indices: np.ndarray) -> dict[str, float]:
        means = codes.mean(indices)[:, active].astype(np.float64)
        means = means[:, np.ptp(means, axis=0) > 0]
        if means.shape[1] < 2:
            return {"score": 0.0}
        # The determinant of the correlations: latents of unlike scales lose no digits.
        spectrum = np.linalg.eigvalsh(np.corrcoef(means.T))
        return {"score": max(0.0, -0.5 * float(np.log(np.maximum(spectrum, _LEAST)).sum()))}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
