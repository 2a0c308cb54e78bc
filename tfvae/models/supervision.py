"""A few labelled images that draw the latents of a model towards factors."""

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import replicas
from tfvae.models import passes
from tfvae.models.images import checked
from tfvae.models.passes import statistics_kept
from tfvae.objectives.labels import LABEL_LOSSES

STREAM = 7  # of a step's seed


class Supervision:
    """Labelled images in the memory of the devices, and the term that they add to a model's loss.

    Args:
        model: which is trained with it.
        images: float32 [N, H, W, C] in [0, 1], checked.
        labels: float32 [N, K] in [0, 1], checked.
        weight: float, at least 0.
        loss: a name in `LABEL_LOSSES`.
        batch_size: labelled images of a step.
    """

    def __init__(
        self, model: Any, images: np.ndarray, labels: np.ndarray, *, weight: float, loss: str, batch_size: int
    ) -> None:
        with model.distribute_strategy.scope():
            self.images = tf.Variable(images, trainable=False, dtype=tf.float32)
            self.labels = tf.Variable(labels, trainable=False, dtype=tf.float32)
            self.mean = keras.metrics.Mean(name="supervision")
        self.weight, self.batch_size = weight, min(batch_size, len(images))
        self._loss = LABEL_LOSSES[loss]

    def loss(self, model: Any, seed: tf.Tensor) -> tf.Tensor:
        """The loss of a batch of the labelled images, without its weight: float32 []. All replicas draw the same."""
        images, labels = self.images.value(), self.labels.value()
        if self.batch_size < images.shape[0]:
            drawn = tf.random.stateless_uniform([self.batch_size], seed, 0, images.shape[0], tf.int32)
            images, labels = tf.gather(images, drawn), tf.gather(labels, drawn)
        # The statistics of batch norm are those of the step's own images, which are not labelled.
        with statistics_kept(model.encoder):
            mean = model.representation(model.run(model.encoder, images))["mean"]
        return self._loss(mean, labels)


def attach(model: Any, images: Any, labels: Any, *, weight: float, loss: str, batch_size: int) -> None:
    """`Model.supervise`."""
    kind = type(model).__name__
    if not model.takes_labels:
        raise ValueError(f"Expected a VAE or another autoencoder to supervise. Received: {kind}")
    if loss not in LABEL_LOSSES:
        raise ValueError(f"Expected loss to be one of {sorted(LABEL_LOSSES)}. Received: loss={loss!r}")
    is_weight = isinstance(weight, int | float) and 0 <= weight < float("inf")
    if not is_weight or type(batch_size) is not int or batch_size < 1:
        raise ValueError(
            "Expected a finite weight of at least 0, and an integer batch_size of at least 1. "
            f"Received: weight={weight!r}, batch_size={batch_size!r}"
        )
    images = checked(np.asarray(images), model.image_shape, bounded=model.bounded).numpy()
    try:
        labels = np.asarray(labels, np.float32)
    except (TypeError, ValueError):
        raise ValueError(f"Expected labels [N, K] of numbers in [0, 1]. Received: {type(labels).__name__}") from None
    latents = model.latent_dim
    if labels.ndim != 2 or not len(labels) or len(labels) != len(images) or not 1 <= labels.shape[1] <= latents:
        raise ValueError(
            f"Expected labels [N, K], a row for each of the {len(images)} images, with K in 1 .. {latents}, the number "
            f"of latents. Received: shape={labels.shape}"
        )
    if not (np.isfinite(labels).all() and labels.min() >= 0 and labels.max() <= 1):
        raise ValueError(f"Expected labels in [0, 1]. Received: values from {labels.min()} to {labels.max()}")
    found = Supervision(model, images, labels, weight=float(weight), loss=loss, batch_size=batch_size)
    # Past Keras's own `__setattr__`, which would count the labelled images among the model's variables.
    vars(model)["_supervision"] = found
    model.train_function = model.test_function = None  # the next fit and evaluate trace a step with it


def added(model: Any) -> tf.Tensor | None:
    """What a step adds to a replica's share of the loss; None without labelled images."""
    supervision = supervision_of(model)
    if supervision is None:
        return None
    found = passes.current().supervision = supervision.loss(model, model.step_seed(STREAM))
    return supervision.weight * found / replicas.num_replicas()  # optimizers sum gradients over replicas


def logged(model: Any) -> None:
    """Adds the loss of this step's labelled images, or of some in an evaluation, to the mean that is logged."""
    supervision = supervision_of(model)
    if supervision is not None:
        found = passes.current().supervision
        supervision.mean.update_state(supervision.loss(model, model.test_seed(STREAM)) if found is None else found)


def metrics_of(model: Any) -> list[keras.metrics.Metric]:
    supervision = supervision_of(model)
    return [] if supervision is None else [supervision.mean]


def supervision_of(model: Any) -> Supervision | None:
    return vars(model).get("_supervision")
