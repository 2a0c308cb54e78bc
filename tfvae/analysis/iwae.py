"""The importance-weighted bound on the log marginal likelihood."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.vae import VAE
from tfvae.objectives.distributions import standard_normal


def log_marginal_likelihood(
    model: VAE,
    data: Any,
    *,
    images: int = 100,
    particles: int = 5_000,
    seed: int = 0,
    rows: int = 1_000,
    progress: Callable[[int], Any] | None = None,
) -> dict[str, float]:
    """The importance-weighted bound of log p(x), averaged over random images (Kim & Mnih, 2018, Appendix E).

    The paper uses all images of a data set. For one image, 5,000 particles of Table 1's decoder take 80 billion
    multiplications.

    Args:
        model: a model with a decoder.
        data: images (`tfvae.data.ImageData`).
        images: int >= 2, the number of random images; all images if there are fewer.
        particles: int >= 1, the number of particles of an image (K).
        seed: int >= 0, determines the images and the draws of z.
        rows: as in `importance_weighted_bounds`.
        progress: as in `importance_weighted_bounds`.

    Returns:
        "nats", the mean bound; "standard_error", from the spread over images; "images", "particles".

    Raises:
        ValueError: if a number is out of range.
        ArithmeticError: if a weight is NaN.

    Examples:
        >>> from tfvae.analysis.iwae import log_marginal_likelihood
        >>> data = tfvae.data.load("dsprites")
        >>> model = tfvae.zoo.load_model("vae-dsprites")
        >>> bound = log_marginal_likelihood(model, data, images=2, particles=2)
        >>> bound["nats"] < 0
        True
    """
    if images < 2:
        raise ValueError(f"Expected at least two images. Received: images={images}")
    sample = data.random_indices(images, np.random.default_rng(seed))
    bounds = importance_weighted_bounds(
        data.scaled(sample),
        model.posterior,
        model.log_likelihood,
        particles=particles,
        seed=seed,
        rows=rows,
        progress=progress,
    )
    error = bounds.std(ddof=1) / math.sqrt(len(bounds))
    return {
        "nats": float(bounds.mean()),
        "standard_error": float(error),
        "images": len(bounds),
        "particles": particles,
    }


def importance_weighted_bounds(
    images: np.ndarray,
    posterior: Callable[[tf.Tensor], tfp.distributions.Distribution],
    log_likelihood: Callable[[tf.Tensor, tf.Tensor], tf.Tensor],
    *,
    particles: int = 5_000,
    seed: int = 0,
    rows: int = 1_000,
    progress: Callable[[int], Any] | None = None,
) -> np.ndarray:
    """A lower bound of log p(x) for each image (Burda et al., 2016, eq. 8; Kim & Mnih, 2018, Appendix E).

    L_K(x) = log (1/K) sum_k p(x|z_k) p(z_k) / q(z_k|x),    z_k ~ q(z|x)

    E L_1 is the evidence lower bound (ELBO), E L_K grows with K, and L_K tends to log p(x). p(z) is N(0, I).
    Particles are streamed through a running log-sum-exp, so memory is that of `rows` decoded images for any K.

    Args:
        images: float [N, ...], as `posterior` takes them.
        posterior: images [B, ...] -> q(z|x) with batch shape [B] and event shape [D].
        log_likelihood: images [B, ...] and z [B, D] -> log p(x|z), [B], in nats.
        particles: int >= 1, the number of particles of an image (K).
        seed: int >= 0, determines the draws of z.
        rows: int >= 1, the number of pairs of an image and a z that are decoded at once.
        progress: is called with the number of images that have just been finished.

    Returns:
        float64 [N], in nats.

    Raises:
        ValueError: if a number is out of range.
        ArithmeticError: if a weight is NaN.
    """
    if particles < 1 or rows < 1 or not len(images):
        raise ValueError(
            "Expected particles >= 1, rows >= 1 and at least one image. "
            f"Received: particles={particles}, rows={rows}, {len(images)} images"
        )
    together = min(particles, rows)  # particles of one image that are decoded at once
    width = max(1, rows // together)  # images at once

    @tf.function(reduce_retracing=True, autograph=False)
    def log_weights(x: tf.Tensor, number: tf.Tensor, seeds: tf.Tensor) -> tf.Tensor:
        q = posterior(x)
        z = q.sample(number, seed=seeds)
        log_ratio = standard_normal(z.shape[-1]).log_prob(z) - q.log_prob(z)
        # All particles of the first image, then of the second, ...: [B K, ...].
        flat = tf.reshape(tf.transpose(z, [1, 0, 2]), [-1, z.shape[-1]])
        likelihood = tf.reshape(log_likelihood(tf.repeat(x, number, axis=0), flat), [-1, number])
        return tf.transpose(likelihood) + log_ratio

    fold_in = tf.random.experimental.stateless_fold_in
    bounds = np.empty(len(images))
    for first in range(0, len(images), width):
        x = tf.convert_to_tensor(images[first : first + width])
        largest, total = np.full(x.shape[0], -np.inf), np.zeros(x.shape[0])
        for place, start in enumerate(range(0, particles, together)):
            number = tf.constant(min(together, particles - start))
            weights = log_weights(x, number, fold_in(fold_in([seed, 0], first), place)).numpy().astype(np.float64)
            if np.isnan(weights).any():
                raise ArithmeticError(
                    f"Expected finite weights. Received: NaN among those of images {first} to {first + x.shape[0] - 1}"
                )
            larger = np.maximum(largest, weights.max(axis=0))
            total = total * np.exp(largest - larger) + np.exp(weights - larger).sum(axis=0)
            largest = larger
        bounds[first : first + width] = largest + np.log(total) - math.log(particles)
        if progress is not None:
            progress(x.shape[0])
    return bounds
