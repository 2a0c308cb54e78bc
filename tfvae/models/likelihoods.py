"""The likelihood p(x | z) of a model with a decoder, by name."""

from collections.abc import Callable

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.data.shapes import is_image
from tfvae.objectives.distributions import (
    bernoulli_likelihood,
    continuous_bernoulli_likelihood,
    gaussian_likelihood,
)

LIKELIHOODS: dict[str, Callable[..., tfp.distributions.Distribution]] = {
    "bernoulli": bernoulli_likelihood,
    "continuous_bernoulli": continuous_bernoulli_likelihood,
    "gaussian": gaussian_likelihood,
}
# A trained scale stays above a quarter of the step between two of the 256 values of a pixel: where images are
# reconstructed exactly, as black ones can be, the density would grow without bound.
_MIN_SCALE = 1e-3


def is_bounded(likelihood: str, shape: tuple[int, ...]) -> bool:
    """Whether data of this shape must be in [0, 1]: images always, other data unless the likelihood is Gaussian."""
    return is_image(shape) or likelihood != "gaussian"


def added_log_scale(model: keras.Model, likelihood: str, scale: float | None) -> keras.Variable | None:
    """Checks the arguments of a model, and adds the log of a Gaussian's standard deviation if that is trained.

    Raises:
        ValueError: for an unknown likelihood, or a scale that the likelihood does not have.
    """
    if likelihood not in LIKELIHOODS:
        raise ValueError(f"Expected a likelihood out of {sorted(LIKELIHOODS)}. Received: likelihood={likelihood!r}")
    if scale is not None and (likelihood != "gaussian" or scale <= 0):
        raise ValueError(
            "Expected scale to be positive, and only with likelihood='gaussian'. "
            f"Received: scale={scale}, likelihood={likelihood!r}"
        )
    if likelihood != "gaussian" or scale is not None:
        return None
    # As float32 whatever the precision of the networks, like all of a distribution.
    return model.add_weight(shape=(), initializer="zeros", dtype="float32", autocast=False, name="log_scale")


def likelihood_of(
    outputs: tf.Tensor, likelihood: str, scale: float | None, log_scale: keras.Variable | None
) -> tfp.distributions.Distribution:
    """p(x | z) of a decoder's outputs [B, ...]: batch shape [B], event shape [...].

    Args:
        outputs: logits; the means themselves if the data are not bounded.
        likelihood, scale: the model's arguments.
        log_scale: what `added_log_scale` returned.
    """
    if likelihood != "gaussian":
        return LIKELIHOODS[likelihood](outputs)
    width = scale if log_scale is None else _MIN_SCALE + tf.exp(tf.convert_to_tensor(log_scale))
    return gaussian_likelihood(outputs, width, bounded=is_bounded(likelihood, outputs.shape[1:]))
