"""The Wasserstein correlation of the means of codes, as if they were Gaussian."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.sampling import over_draws


def wasserstein_correlation_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    repeats: int = 5,
) -> dict[str, Any]:
    """Distance of the means' Gaussian from the product of its marginals; lower is better. Needs no factors.

        W = W2^2(N(m, C), prod_j N(m_j, C_jj)) = 2 tr C - 2 tr (G^0.5 C G^0.5)^0.5,   G = diag C
        score = W / tr C                                  (Locatello et al., 2019, Appendix C; Xiao & Wang, 2019)

    The score is in [0, 2 - 2 / sqrt(D)], where D copies of one latent reach the upper end. The unit of W is the square
    of the codes' unit. Both are invariant to the order and offset of latents, and the score to a scale that all latents
    share, but not to the scale of each. They see only linear dependence. Costs one covariance.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        repeats: int >= 2, the number of draws.

    Returns:
        "score", "standard_error" (see `sampling.over_draws`), "unnormalised": W, and "active_latents". Without
        active latents the score is 0.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> mixed = factors @ [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
        >>> results = [score(codes, metrics="wasserstein_correlation") for codes in (factors, mixed)]
        >>> [round(result["wasserstein_correlation"]["score"], 2) for result in results]
        [0.0, 0.04]
    """
    active = codes.active_latents()

    def measure(indices: np.ndarray) -> dict[str, float]:
        means = codes.means(indices)[:, active].astype(np.float64)
        if not means.shape[1] or not np.ptp(means, axis=0).any():
            return {"score": 0.0, "unnormalised": 0.0}
        covariance = np.atleast_2d(np.cov(means.T))
        deviations = np.sqrt(np.diag(covariance))
        # The trace of the square root is the sum of the square roots of a symmetric matrix's eigenvalues.
        spectrum = np.linalg.eigvalsh(deviations[:, None] * covariance * deviations)
        trace = np.trace(covariance)
        distance = max(0.0, 2 * float(trace - np.sqrt(np.maximum(spectrum, 0)).sum()))
        return {"score": distance / trace, "unnormalised": distance}

    return {**over_draws(measure, len(codes.data), samples, repeats, rng), "active_latents": int(active.sum())}
