"""Predictability: how well the other latents predict a latent."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.boosting import boosted_values, boosting_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import over_splits, split_sizes, standardised


def predictability_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 10_000,
    test: int = 5_000,
    repeats: int = 3,
) -> dict[str, Any]:
    """The share of a latent's variance that the others predict; lower is better. Needs no factors.

        score = (1/D) sum_j max(0, 1 - E (mu_j - f_j(mu_without_j))^2 / Var mu_j)

    (the predictors of Schmidhuber, 1992, whose codes are trained to make this 0). The f_j are boosted trees, and the
    error is measured on images that they were not trained on. In [0, 1], and 0 for independent latents. Unlike the
    Gaussian total correlation, it sees nonlinear dependence, but only of the mean of a latent, not of its spread.
    Invariant to the order, offset and scale of latents. Costs 100 trees per latent.

    Args:
        codes: codes of any data.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the predictors.
        test: int >= 1, the number of other images that evaluate them.
        repeats: int >= 2, the number of splits.

    Returns:
        "score", "standard_error" (see `sampling.over_splits`), "per_latent": the share of each of the D latents, 0 for
        those left out; "active_latents". Fewer than two active latents score 0.

    Raises:
        ValueError: if a parameter is out of range, or the trees would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> result = score(np.tile(factors, (10, 2)), metrics="predictability")
        >>> round(result["predictability"]["score"], 1)
        1.0
    """
    active = codes.active_latents()
    latents = np.flatnonzero(active)
    rows = split_sizes(len(codes.data), train, test)[0]
    check_cost(
        f"predictability's trees for {latents.size} latents",
        "fewer train or repeats, or codes of fewer latents",
        seconds=repeats * latents.size * boosting_seconds(rows, latents.size, 100),
    )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.means(train_indices)[:, active], codes.means(test_indices)[:, active])

        def share(place: int) -> float:
            predicted = boosted_values(np.delete(x, place, axis=1), x[:, place], np.delete(x_test, place, axis=1))[2]
            variance = np.var(x_test[:, place])
            return max(0.0, 1 - np.mean((x_test[:, place] - predicted) ** 2) / variance) if variance > 0 else 0.0

        shares = np.zeros(active.size)
        if latents.size > 1:
            shares[latents] = side_by_side(share, range(latents.size))
        return {"score": shares[active].mean() if latents.size else 0.0, "per_latent": shares}

    result = over_splits(measure, len(codes.data), train, test, repeats, rng)
    return {**result, "active_latents": int(active.sum())}
