"""The FactorVAE metric: a majority vote on the latent that varies least."""

from collections.abc import Collection

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.codes.latents import ActiveRule
from tfvae.codes.subset import subset
from tfvae.metrics.sampling import binned, over_repeats, scored_columns

# How many numbers are looked up at once, which bounds memory.
_NUMBERS = 4_000_000


def factor_vae_score(
    codes: Codes,
    rng: np.random.Generator,
    *,
    votes: int = 800,
    evaluation_votes: int = 800,
    batch: int = 100,
    scale_samples: int = 10_000,
    discrete: Collection[int] = (),
    bins: int = 20,
    repeats: int = 5,
) -> dict[str, float]:
    """Accuracy of a majority vote that predicts the fixed factor from the latent with the lowest variance.

    For a vote, fix a factor k, draw L images with one random value of that factor and random values of the others;
        d = argmin_j Var_L(mu_j) / Var_data(mu_j)
    and the pair (d, k) adds one to V_dk. The classifier is C(d) = argmax_k V_dk; its accuracy is measured on separate
    votes (Kim & Mnih, 2018, Section 4 and Appendix B).

    Latents that have collapsed are pruned first, by `Codes.active_latents`: means of 1e-4 transmit nothing through a
    posterior of standard deviation 1, yet dividing by their standard deviation would let them vote. The paper prunes
    latents that collapsed to the prior, q(z_j|x) = p(z_j), and does not say how that was measured; codes of
    active="kl" are pruned by it, and codes of active="spread" as in disentanglement_lib. A latent that does not vary
    never has the lowest variance. Without active latents there are no votes, and the score is that of a random
    classifier, 1/K.

    Args:
        codes: codes of a data set with known factors. If these are not a grid, the images of a vote are drawn from
            those that share the factor's value with a random image.
        rng: source of all randomness.
        votes: int, the number of votes that make the classifier.
        evaluation_votes: int, the number of votes that evaluate it.
        batch: int >= 2, the number of images in a vote (L).
        scale_samples: int >= 2, the number of random images from which the variances of the data are taken; all
            images if there are fewer.
        discrete: further latents that are categories, in addition to those of `codes.discrete`. Categories use Gini's
            variance. What they carry is not known, so that all that vary count.
        bins: int >= 2, the number of bins of equally many images into which a continuous factor is cut. The images of a
            bin count as sharing a value.
        repeats: int, the number of independent draws of all votes; the scores are averaged.

    Returns:
        "score": the accuracy on the evaluation votes, averaged over the repeats; "standard_error" of that mean, from
        the spread of the repeats (of the binomial if there is only one). It covers the choice of votes, but not the
        spread over training seeds. "train_accuracy": the accuracy on the votes that made the classifier;
        "active_latents": the number of latents that could vote.

    Raises:
        ValueError: if a parameter is out of range, or fewer than two factors vary.

    Examples:
        >>> from tfvae.metrics import score
        >>> factors = np.indices((3, 4, 5)).reshape(3, -1).T
        >>> perfect, missing = factors, factors[:, :2]
        >>> results = [score(codes, factors, metrics="factor_vae") for codes in (perfect, missing)]
        >>> [round(result["factor_vae"]["score"], 2) for result in results]
        [1.0, 0.67]
    """
    factors, columns = binned(codes.data.factors, bins), scored_columns(codes.data)
    if votes < 1 or evaluation_votes < 1 or batch < 2 or scale_samples < 2:
        raise ValueError(
            "Expected votes >= 1, evaluation_votes >= 1, batch >= 2 and scale_samples >= 2. Received: "
            f"votes={votes}, evaluation_votes={evaluation_votes}, batch={batch}, scale_samples={scale_samples}"
        )
    is_discrete = np.zeros(codes.latent_dim, bool)
    if any(not 0 <= latent < codes.latent_dim for latent in discrete):
        raise ValueError(f"Expected discrete latents in [0, {codes.latent_dim}). Received: discrete={tuple(discrete)}")
    is_discrete[list(discrete)] = True

    sample = subset(len(codes.data), scale_samples, rng)
    active = codes.active_latents()
    if is_discrete.any():
        active |= ActiveRule("all", None).active(codes.outputs(sample)) & is_discrete
    is_discrete[list(codes.discrete)] = True
    scale = _variance(codes.means(sample), is_discrete)
    active &= scale > 0  # over these images
    if not active.any():
        chance = 1 / len(columns)
        return {"score": chance, "standard_error": 0.0, "train_accuracy": chance, "active_latents": 0}

    def draw(number: int) -> tuple[np.ndarray, np.ndarray]:
        """Votes: the latent of the lowest variance [V] and the index of the fixed factor in `columns` [V]."""
        fixed = rng.integers(len(columns), size=number)
        images = np.empty((number, batch), np.int64)
        images[:, 0] = factors.sample(number, rng)
        for k, column in enumerate(columns):
            votes_for_it = fixed == k
            first = np.repeat(images[votes_for_it, 0], batch - 1)
            images[votes_for_it, 1:] = factors.partners(first, column, rng).reshape(-1, batch - 1)
        relative = np.full((number, active.size), np.inf)
        block = max(1, _NUMBERS // (batch * active.size))
        for start in range(0, number, block):
            rows = images[start : start + block]
            means = codes.means(rows.ravel()).reshape(len(rows), batch, -1)[:, :, active]
            relative[start : start + block, active] = _variance(means, is_discrete[active]) / scale[active]
        return relative.argmin(axis=1), fixed

    def repeat() -> tuple[float, float]:
        latents, fixed = draw(votes)
        ballots = np.zeros((active.size, len(columns)), int)
        np.add.at(ballots, (latents, fixed), 1)
        classifier = ballots.argmax(axis=1)
        new_latents, new_fixed = draw(evaluation_votes)
        return float(np.mean(classifier[new_latents] == new_fixed)), float(np.mean(classifier[latents] == fixed))

    return {**over_repeats(repeat, repeats, evaluation_votes), "active_latents": int(active.sum())}


def gini_variance(values: np.ndarray) -> np.ndarray:
    """Gini's variance of categories: half the probability that two of them differ.

    Var(x) = 1 / (2 N (N-1)) sum_{i,j} [x_i != x_j]    (Kim & Mnih, 2018, Appendix B)

    With (x_i - x_j)^2 instead of [x_i != x_j], the same sum is the sample variance. A category of n_c members has n_c^2
    pairs of equal members, so sorting replaces the N^2 comparisons.

    Args:
        values: array [..., N, D], categories along the second-last axis.

    Returns:
        float64 [..., D].
    """
    ordered = np.sort(values, axis=-2)
    size = ordered.shape[-2]
    place = np.arange(size)[:, None]
    is_first = np.ones(ordered.shape, bool)
    is_first[..., 1:, :] = ordered[..., 1:, :] != ordered[..., :-1, :]
    run_start = np.maximum.accumulate(np.where(is_first, place, 0), axis=-2)
    # n^2 = 1 + 3 + 5 + ...: the r-th member of a category, counted from 0, adds 2 r + 1 equal pairs.
    equal_pairs = np.sum(2 * (place - run_start) + 1, axis=-2)
    return (size**2 - equal_pairs) / (2 * size * (size - 1))


def _variance(values: np.ndarray, is_discrete: np.ndarray) -> np.ndarray:
    """The sample variance, or Gini's variance where `is_discrete` [D]: [..., N, D] -> float64 [..., D]."""
    variance = np.var(values.astype(np.float64), axis=-2, ddof=1)
    if is_discrete.any():
        variance[..., is_discrete] = gini_variance(values[..., is_discrete])
    return variance
