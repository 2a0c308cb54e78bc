"""Normalised mutual information of factors and latents, from which InfoM and InfoC are computed."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.codes.subset import subset
from tfvae.data.factor_table import is_discrete
from tfvae.metrics.histograms import entropies, histogram_seconds, mutual_information
from tfvae.metrics.limits import check_cost
from tfvae.metrics.neighbours import neighbour_information
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import binned, over_draws, scored_columns, standardised

_ROUNDING = 1e-10  # nats
_NOISE = 1e-10  # standard deviations
LATENTS = ("auto", "continuous", "discrete")
_SAMPLES = 10_000  # images whose codes show which latents are discrete


def over_nmi(
    name: str,
    measure: Callable[[np.ndarray], dict[str, Any]],
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int,
    latents: str,
    neighbours: int,
    bins: int,
    repeats: int,
) -> dict[str, Any]:
    """A score of the normalised mutual information, over draws of images.

    Args:
        name: of the metric, for messages.
        measure: from the matrix [K, A] of the scored factors and the active latents to numbers by name.
        codes: codes of data with known factors.
        rng: source of all randomness.
        samples, latents, neighbours, bins, repeats: as in `infom_score`.

    Returns:
        The numbers of `measure`, "standard_error", "nmi" (for each factor a list of D, 0 for latents left out),
        "discrete_latents" and "active_latents".
    """
    if neighbours < 1:
        raise ValueError(f"Expected neighbours >= 1. Received: neighbours={neighbours}")
    active, discrete = codes.active_latents(), discrete_latents(codes, latents)
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    rows, continuous = min(samples, len(codes.data)), int(np.sum(active & ~discrete))
    sizes = [min(factors.sizes[column], rows) for column in columns]
    check_cost(
        f"{name}'s neighbours and histograms of {int(active.sum()):,} latents and {sum(sizes):,} values of factors",
        "fewer samples or repeats, or declare factors of many values as continuous",
        seconds=(repeats + 1)
        * (
            continuous * len(sizes) * _seconds(rows)
            + histogram_seconds(rows, int(np.sum(active & discrete)) * len(sizes))
        ),
    )

    def of_images(indices: np.ndarray) -> dict[str, Any]:
        values, means = factors.to_factors(indices)[:, columns], codes.means(indices)[:, active]
        found = normalised_information(means, values, discrete[active], neighbours, rng)
        nmi = np.zeros((len(columns), active.size))
        nmi[:, active] = found
        return {**measure(found), "nmi": nmi}

    result = over_draws(of_images, len(codes.data), samples, repeats, rng, halves=True)
    return {
        **result,
        "discrete_latents": int(np.sum(active & discrete)),
        "active_latents": int(active.sum()),
    }


def normalised_information(
    means: np.ndarray, factors: np.ndarray, discrete: np.ndarray, neighbours: int, rng: np.random.Generator
) -> np.ndarray:
    """NMI_kj = I(v_k; mu_j) / H(v_k) of each factor and latent, float64 [K, D] >= 0; 0 for a factor that is constant.

    I is the plug-in estimate of a discrete latent's histogram, or the nearest-neighbour estimate of Ross (2014), which
    may exceed H(v_k) by its error. A factor's values that occur once are left out of the latter.

    Args:
        means: float [N, D].
        factors: int [N, K], values numbered from 0.
        discrete: bool [D], which latents are discrete.
        neighbours: int >= 1, of a point among those with the same value of the factor.
        rng: source of the noise of 1e-10 standard deviations that separates equal codes.
    """
    information = np.zeros((factors.shape[1], means.shape[1]))
    levels = [np.unique(column, return_inverse=True)[1] for column in means.T[discrete]]
    if levels:
        found = mutual_information(np.stack(levels, axis=1), factors).T
        # Of independent columns it is 0 up to rounding, which a share would enlarge.
        information[:, discrete] = np.where(found > _ROUNDING, found, 0)
    x, _ = standardised(means, means[:0])
    x = x + _NOISE * rng.normal(size=x.shape)

    def by_neighbours(pair: tuple[int, int]) -> float:
        k, j = pair
        return neighbour_information(x[:, j], factors[:, k], neighbours)

    pairs = [(k, j) for k in range(factors.shape[1]) for j in np.flatnonzero(~discrete)]
    for (k, j), value in zip(pairs, side_by_side(by_neighbours, pairs), strict=True):
        information[k, j] = value
    entropy = entropies(factors)[:, None]
    return np.divide(information, entropy, out=np.zeros_like(information), where=entropy > 0)


def concentration(nmi: np.ndarray) -> np.ndarray:
    """How far each column's largest entry exceeds an even share: (max / sum - 1/n) / (1 - 1/n), [n, m] -> float64 [m].

    In [0, 1]: 1 if the others are 0, 0 if all are equal. A column of zeros is 0. If n = 1, any other column is 1.
    """
    size, total = len(nmi), nmi.sum(axis=0)
    if size < 2:
        return (total > 0).astype(np.float64)
    shares = np.divide(nmi.max(axis=0), total, out=np.full(total.shape, 1 / size), where=total > 0)
    return (shares - 1 / size) / (1 - 1 / size)


def discrete_latents(codes: Codes, latents: str) -> np.ndarray:
    """Which latents are discrete, bool [D].

    Args:
        codes: any codes.
        latents: "continuous" or "discrete" for all of them; "auto" applies `factor_table.is_discrete` to the codes of
            10,000 images, or all if there are fewer: a discrete latent has at most 200 values, each in two images or
            more on average. A category is always discrete.

    Raises:
        ValueError: if `latents` is another text.
    """
    if latents not in LATENTS:
        raise ValueError(f"Expected latents to be one of {list(LATENTS)}. Received: latents={latents!r}")
    means = codes.means(subset(len(codes.data), _SAMPLES, np.random.default_rng(0)))
    if latents != "auto":
        found = np.full(means.shape[1], latents == "discrete")
    else:
        found = np.array([is_discrete(len(np.unique(column)), len(column)) for column in means.T], bool)
    found[list(codes.discrete)] = True
    return found


def _seconds(rows: int) -> float:
    """The estimated time of one core for the neighbours of a latent and a factor."""
    return 1e-4 + 7e-7 * rows
