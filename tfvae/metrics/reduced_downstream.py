"""Reduced downstream accuracy: how well a factor is predicted without the latents that are most important for it."""

from typing import Any

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.metrics.boosting import boosted_classes, boosting_seconds
from tfvae.metrics.limits import check_cost
from tfvae.metrics.parallel import side_by_side
from tfvae.metrics.sampling import binned, over_splits, scored_columns, split_sizes, standardised


def reduced_downstream_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    train: int = 5_000,
    test: int = 5_000,
    most_removed: int = 2,
    trees: int = 100,
    bins: int = 20,
    repeats: int = 2,
) -> dict[str, Any]:
    """Accuracy of predicting each factor without the latent that is most important for it; lower is better.

        score = (1/K) sum_k P(c_k(mu without mu_j) = v_k),   j = argmax_j R_jk

    c_k are boosted trees, and R their importances as in `dci` (see `boosting`). This is disentanglement_lib's
    reduced_downstream_task, which removes the most informative latents to see what the others still tell about a
    factor. It trains trees, removes the latent that they use most, trains them on the rest, and so on. Its accuracy of
    the other factors is left out.

    In [0, 1]. If a factor is in one latent, what is left after its removal is "floor", the accuracy of always guessing
    the most frequent value; a copy or a rotation keeps more. Of a factor that the code lacks, nothing is left either,
    so the score is to be read together with "removed_0", the accuracy before. The difference of the two is what one
    latent holds alone. Of a small grid, most images train, and the other latents show which value of a factor was not
    among them, so that accuracies fall below the floor. Invariant to the order, offset and scale of latents.

    Args:
        codes: codes of data with known factors; a continuous factor is cut into `bins` bins of equally many images.
        rng: source of all randomness.
        train: int >= 1, the number of images that train the trees. No number is published; this takes half of `dci`'s
            for three times as many trees.
        test: int >= 1, the number of other images, for the accuracies.
        most_removed: int >= 1, the most latents that are removed for a factor; disentanglement_lib's own example
            removes one.
        trees: int >= 1, the number of boosting rounds; published: 100.
        bins: int >= 2.
        repeats: int >= 2, the number of splits.

    Returns:
        "score", the accuracy without one latent; "standard_error" of it (see `sampling.over_splits`); "removed_0",
        "removed_1", ..., the accuracy without that many latents; "floor", that of always guessing the value that is
        most frequent among the training images, as is done where no latent is left; "per_factor", for each scored
        factor a list of the accuracies; "active_latents".

    Raises:
        ValueError: if a parameter is out of range, fewer than two factors vary, or the trees would take too long.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.tile(np.indices((2, 4, 5)).reshape(3, -1).T, (20, 1))  # [800, 3]
        >>> copied = np.concatenate([factors, factors], axis=1)
        >>> few = {"reduced_downstream": {"train": 600, "trees": 20, "repeats": 4}}
        >>> names = ["removed_0", "removed_1", "removed_2"]
        >>> for codes in (factors, copied):
        ...     result = score(codes, factors, metrics="reduced_downstream", parameters=few)["reduced_downstream"]
        ...     print([round(result[name], 1) for name in names], round(result["floor"], 1))
        [1.0, 0.3, 0.3] 0.3
        [1.0, 1.0, 0.3] 0.3
    """
    if most_removed < 1 or trees < 1:
        raise ValueError(
            f"Expected most_removed >= 1 and trees >= 1. Received: most_removed={most_removed}, trees={trees}"
        )
    active = codes.active_latents()
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    rows, latents = split_sizes(len(codes.data), train, test)[0], int(active.sum())
    classes = [min(factors.sizes[column], rows) for column in columns]
    left = [max(0, latents - removed) for removed in range(most_removed + 1)]
    check_cost(
        f"reduced_downstream's trees for {sum(classes)} classes of {latents} latents",
        "fewer train, most_removed, trees or repeats, or declare factors of many values as continuous",
        seconds=repeats * sum(boosting_seconds(rows, number, trees * each) for number in left for each in classes),
    )

    def measure(train_indices: np.ndarray, test_indices: np.ndarray) -> dict[str, Any]:
        x, x_test = standardised(codes.means(train_indices)[:, active], codes.means(test_indices)[:, active])
        y, y_test = (factors.to_factors(indices)[:, columns] for indices in (train_indices, test_indices))

        def accuracies(k: int) -> list[float]:
            kept, found = np.arange(latents), []
            for _ in range(most_removed + 1):
                importance, _, predicted = boosted_classes(x[:, kept], y[:, k], x_test[:, kept], trees)
                found.append(float(np.mean(predicted == y_test[:, k])))
                if kept.size:
                    kept = np.delete(kept, importance.argmax())
            return found

        each = np.array(side_by_side(accuracies, range(len(columns))))
        means = each.mean(axis=0)
        floor = np.mean(y_test == [np.bincount(column).argmax() for column in y.T])
        named = {f"removed_{number}": mean for number, mean in enumerate(means)}
        return {"score": means[1], **named, "floor": floor, "per_factor": each}

    result = over_splits(measure, len(codes.data), train, test, repeats, rng)
    return {**result, "active_latents": latents}
