"""InfoC: whether only one latent has information about a factor."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.normalised_information import concentration, over_nmi


def infoc_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    latents: str = "auto",
    neighbours: int = 10,
    bins: int = 20,
    repeats: int = 3,
) -> dict[str, Any]:
    """Compactness of InfoMEC: how much of the information about a factor is in a single latent; higher is better.

        InfoC = (mean_k [max_j N_kj / sum_j N_kj] - 1/D) / (1 - 1/D),   N_kj = I(v_k; mu_j) / H(v_k)

    over the K factors and the D active latents j (Hsu et al., 2023, Section 4), with I as for `infom_score`, also in
    what differs from the authors' program. In [0, 1]. Invariant to the order, offset and scale of latents. Latents that
    share a factor lower it, one latent of several factors does not. A factor that no latent has information about
    scores 0; the errors of its estimates may make that more. Costs as much as `infom_score`.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        latents: "auto", "continuous" or "discrete", see `infom_score`.
        neighbours: int >= 1, of a continuous latent; published: 10.
        bins: int >= 2.
        repeats: int >= 2, the number of draws.

    Returns:
        "score"; "standard_error" (see `sampling.over_draws`, from halves); "per_factor", the compactness of each scored
        factor; "nmi", "discrete_latents" and "active_latents" as for `infom_score`. With one active latent, a factor
        that it has information about scores 1. Without active latents the score is 0.

    Raises:
        ValueError: as `infom_score` does.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, copies = factors, np.hstack([factors, factors])
        >>> results = [score(codes, factors, metrics="infoc") for codes in (perfect, copies)]
        >>> [round(result["infoc"]["score"], 2) for result in results]
        [1.0, 0.4]
    """

    def measure(nmi: np.ndarray) -> dict[str, Any]:
        each = concentration(nmi.T)
        return {"score": each.mean(), "per_factor": each}

    return over_nmi(
        "infoc",
        measure,
        codes,
        rng,
        samples=samples,
        latents=latents,
        neighbours=neighbours,
        bins=bins,
        repeats=repeats,
    )
