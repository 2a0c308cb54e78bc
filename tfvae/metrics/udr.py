"""UDR: the unsupervised disentanglement ranking of several runs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.stats import rankdata
from sklearn.linear_model import Lasso

from tfvae.codes.codes import Codes
from tfvae.codes.subset import subset
from tfvae.metrics.sampling import standardised


def udr(
    runs: Sequence[Codes],
    rng: np.random.Generator,
    *,
    samples: int = 10_000,
    similarity: str = "lasso",
    alpha: float = 0.1,
    repeats: int = 3,
) -> dict[str, Any]:
    """How similar single latents of a run are to single latents of other runs on the same data; higher is better.

        UDR_ij = 1 / (D_i + D_j) [sum_b (max_a R_ab)^2 / sum_a R_ab + sum_a (max_b R_ab)^2 / sum_b R_ab]
        score_i = median_{j != i} UDR_ij                              (Duan et al., 2020, Eq. 3)

    over the D_i latents a of run i and the D_j latents b of run j that count (see `Codes.active_latents`; published:
    those of a KL above 0.01 nats, as active="kl"). R_ab is

    - "lasso": |w| of the linear regression of latent a on the latents of run j, all standardised, with penalty
      alpha |w|_1. Two equal runs of independent latents score 1 - alpha.
    - "spearman": the absolute rank correlation. Two equal runs of independent latents score nearly 1.

    It needs no factors. Agreement between runs is taken as evidence of disentanglement, but runs that entangle factors
    in the same way agree too. disentanglement_lib averages each of the two sums by itself, which is the same if
    D_i = D_j. Invariant to the order, offset and scale of latents. Costs R (R-1) regressions.

    Args:
        runs: the codes of two or more runs for the same data.
        rng: source of all randomness.
        samples: int >= 2, the number of random images in a draw, the same images for all runs.
        similarity: "lasso" or "spearman".
        alpha: float > 0, the penalty of the Lasso; published: 0.1.
        repeats: int >= 2, the number of draws (of bootstrap resamples, if there are no more images than samples).

    Returns:
        "score": a list, one number per run; "standard_error": a list, too; "pairs": UDR_ij, a list of lists.

    Raises:
        ValueError: if there are fewer than two runs, runs differ in their data, or a parameter is out of range.

    Examples:
        >>> from tfvae.metrics.scoring import Labelled
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> data = Labelled(tfvae.data.FactorTable(["a", "b", "c"], factors))
        >>> runs = [tfvae.codes.Codes.from_arrays(data, factors[:, order]) for order in ([0, 1, 2], [2, 0, 1])]
        >>> [round(score, 2) for score in tfvae.metrics.udr(runs, np.random.default_rng(0))["score"]]
        [0.9, 0.9]
    """
    if len(runs) < 2 or any(len(run.data) != len(runs[0].data) for run in runs):
        sizes = [len(run.data) for run in runs]
        raise ValueError(f"Expected two or more runs of the same data. Received: runs of {sizes} images")
    if similarity not in _SIMILARITIES or alpha <= 0 or samples < 2 or repeats < 2:
        raise ValueError(
            f"Expected similarity out of {sorted(_SIMILARITIES)}, alpha > 0, samples >= 2 and repeats >= 2. Received: "
            f"similarity={similarity!r}, alpha={alpha}, samples={samples}, repeats={repeats}"
        )
    size = len(runs[0].data)
    active = [run.active_latents() for run in runs]

    def draw(indices: np.ndarray) -> np.ndarray:
        codes = [run.means(indices)[:, kept] for run, kept in zip(runs, active, strict=True)]
        codes = [standardised(means, means)[0] for means in codes]
        pairs = np.zeros((len(runs), len(runs)))
        for i, first in enumerate(codes):
            for j, second in enumerate(codes):
                if i != j and first.shape[1] and second.shape[1]:
                    pairs[i, j] = relative_strength(_SIMILARITIES[similarity](second, first, alpha))
        return pairs

    def scores(pairs: np.ndarray) -> np.ndarray:
        return np.array([np.median(np.delete(row, i)) for i, row in enumerate(pairs)])

    if size > samples:
        draws = [draw(subset(size, samples, rng)) for _ in range(repeats)]
        pairs, error = np.mean(draws, axis=0), np.std([scores(each) for each in draws], axis=0, ddof=1) / repeats**0.5
    else:
        pairs = draw(np.arange(size))
        error = np.std([scores(draw(np.sort(rng.integers(size, size=size)))) for _ in range(repeats)], axis=0, ddof=1)
    return {"score": scores(pairs).tolist(), "standard_error": error.tolist(), "pairs": pairs.tolist()}


def relative_strength(similarity: np.ndarray) -> float:
    """UDR_ij of the similarities R >= 0 of two runs' latents [D_i, D_j]; a latent similar to no other adds 0."""
    total = 0.0
    for axis in (0, 1):
        sums, most = similarity.sum(axis=axis), similarity.max(axis=axis)
        total += np.divide(most**2, sums, out=np.zeros(len(sums)), where=sums > 0).sum()
    return float(total / sum(similarity.shape))


def _lasso(first: np.ndarray, second: np.ndarray, alpha: float) -> np.ndarray:
    model = Lasso(alpha=alpha, fit_intercept=True, tol=1e-6, max_iter=10_000, selection="cyclic")
    return np.abs(model.fit(first, second).coef_).reshape(second.shape[1], first.shape[1]).T


def _spearman(first: np.ndarray, second: np.ndarray, alpha: float) -> np.ndarray:
    del alpha
    ranks = [rankdata(codes, axis=0) for codes in (first, second)]
    first, second = (standardised(columns, columns)[0] for columns in ranks)
    return np.abs(first.T @ second) / len(first)


_SIMILARITIES = {"lasso": _lasso, "spearman": _spearman}
