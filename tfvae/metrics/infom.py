"""InfoM: whether a latent has information about only one factor."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.normalised_information import concentration, over_nmi


def infom_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    latents: str = "auto",
    neighbours: int = 10,
    bins: int = 20,
    repeats: int = 3,
) -> dict[str, Any]:
    """Modularity of InfoMEC: how much of a latent's information is about a single factor; higher is better.

        InfoM = (mean_j [max_k N_kj / sum_k N_kj] - 1/K) / (1 - 1/K),   N_kj = I(v_k; mu_j) / H(v_k)

    over the active latents j and the K factors (Hsu et al., 2023, Section 4). I of a continuous latent is estimated
    from its nearest neighbours (Ross, 2014), that of a discrete one, such as of a quantised code, from its histogram.
    In [0, 1]. Invariant to the order, offset and scale of latents. A code that lacks a factor, or has it twice, can
    score 1. All latents have the same weight, so a latent of noise counts with what the errors of its estimates make of
    it, 0 to 1. Costs D K searches of neighbours, 20 ms each with the defaults; histograms are faster.

    The authors' program takes every latent as discrete or every one as continuous, leaves out latents whose range is
    less than a twentieth of the largest (of Hsu et al., 2024: a tenth, of interquartile ranges), and gives NaN if a
    latent has no information at all, which here scores 0.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw; published: 10,000.
        latents: "continuous" or "discrete", which all latents are, or "auto", see
            `normalised_information.discrete_latents`.
        neighbours: int >= 1, of a continuous latent; published: 10.
        bins: int >= 2.
        repeats: int >= 2, the number of draws.

    Returns:
        "score"; "standard_error" (see `sampling.over_draws`, from halves); "nmi": N, for each scored factor a list of
        D, 0 for latents that are left out; "discrete_latents": how many active ones were taken as discrete;
        "active_latents". Without active latents the score is 0.

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the searches would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, merged = factors, factors[:, :1] + 3 * factors[:, 1:2]
        >>> results = [score(codes, factors, metrics="infom") for codes in (perfect, merged)]
        >>> [round(result["infom"]["score"], 2) for result in results]
        [1.0, 0.25]
    """

    def measure(nmi: np.ndarray) -> dict[str, Any]:
        each = concentration(nmi)
        return {"score": each.mean() if each.size else 0.0}

    return over_nmi(
        "infom",
        measure,
        codes,
        rng,
        samples=samples,
        latents=latents,
        neighbours=neighbours,
        bins=bins,
        repeats=repeats,
    )
