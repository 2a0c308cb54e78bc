"""The total correlation of the means of codes, as if they were Gaussian."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import over_draws

# Means are float32. A smaller share of the variance is rounding error, and would make the total correlation of two
# equal latents infinite. It is about 0.5 log(1e12) = 13.8 nats instead.
_LEAST = 1e-12


def gaussian_total_correlation_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    repeats: int = 5,
) -> dict[str, Any]:
    """Total correlation, in nats, of the Gaussian with the covariance of the means; lower is better. Needs no factors.

        TC = KL(N(m, C) || prod_j N(m_j, C_jj)) = 0.5 (sum_j log C_jj - log det C)  (Locatello et al., 2019, Appendix C)

    This is the metric "total_correlation". It looks at the means of q(z|x), not at samples, and sees only linear
    dependence. Three other functions estimate the total correlation of samples z ~ q(z):
    `analysis.total_correlation` from all encodings of the data, `analysis.batch_total_correlation` from a batch of
    them, and `objectives.vae.total_correlation` from a discriminator, as FactorVAE's loss.

    At least 0. Invariant to the order, offset and scale of latents. The estimate from N independent samples is too high
    by about D (D-1) / (4 N). Costs one covariance.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "active_latents". Fewer than two latents score 0. Each
        latent that the others determine adds about 14 nats, where the definition gives infinity.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> mixed = factors @ [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
        >>> results = [score(codes, metrics="total_correlation") for codes in (factors, mixed)]
        >>> [round(result["total_correlation"]["score"], 2) for result in results]
        [0.0, 0.21]
    """
    active = codes.active_latents()

    def measure(indices: np.ndarray) -> dict[str, float]:
        means = codes.means(indices)[:, active].astype(np.float64)
        means = means[:, np.ptp(means, axis=0) > 0]
        if means.shape[1] < 2:
            return {"score": 0.0}
        # With the determinant of the correlations, latents of very different scales lose no digits.
        spectrum = np.linalg.eigvalsh(np.corrcoef(means.T))
        return {"score": max(0.0, -0.5 * float(np.log(np.maximum(spectrum, _LEAST)).sum()))}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
