"""Keras callbacks that show in TensorBoard, at chosen steps of a training, what its model has learnt.

    model.fit(..., callbacks=[LogScores(data, "logs", every=5_000), LogTraversals(data, "logs", every=5_000)])

They read the model and change nothing: no random state, no metric, no weight. A training ends with the same weights
with them and without, bit for bit.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.analysis.mixture import sampled
from tfvae.codes.capabilities import Capabilities, capabilities_of
from tfvae.data.arrays import as_image_data
from tfvae.data.images import ImageData
from tfvae.data.shapes import undrawable
from tfvae.evaluation import evaluate
from tfvae.metrics import QUICK
from tfvae.plots.tiles import rendered
from tfvae.plots.traversals import plot_traversals, traverse
from tfvae.training.steps import StepCounter


def looks(data: ImageData | np.ndarray, log_dir: str | os.PathLike, every: int) -> list["AtSteps"]:
    """All of these callbacks; each shows what the model can do and the data's factors allow.

    Args:
        data: images, with or without known factors, as for `tfvae.train`.
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps from one look to the next.

    Examples:
        >>> images = np.random.default_rng(0).random([16, 16, 16, 1], np.float32)
        >>> [type(look).__name__ for look in tfvae.looks(images, "logs", every=5_000)]
        ['LogTraversals', 'LogLatents', 'LogScores']
    """
    return [kind(data, log_dir, every=every) for kind in (LogTraversals, LogLatents, LogScores)]


class AtSteps(StepCounter):
    """Calls `look` each time that the training passes a multiple of `every` steps; a subclass writes what it sees.

    Args:
        data: images, with or without known factors, as for `tfvae.train`.
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps from one look to the next.
        first_step: int, how many steps the model has taken; by default as in `StepCounter`. The count continues over
            several calls of `fit`.

    Raises:
        ValueError: when `every` is less than 1.
    """

    def __init__(
        self, data: ImageData | np.ndarray, log_dir: str | os.PathLike, *, every: int, first_step: int | None = None
    ) -> None:
        super().__init__(first_step)
        if every < 1:
            raise ValueError(f"Expected every >= 1. Received: every={every}")
        self.data = as_image_data(data)
        self.every = every
        self._log_dir = str(log_dir)
        self._writer: Any = None
        self._capabilities: Capabilities | None = None

    def look(self, step: int) -> None:
        """Writes summaries of the model, to the default writer."""
        raise NotImplementedError

    @property
    def capabilities(self) -> Capabilities:
        """What the model can do, by functions of their own: `predict` would disturb `fit`."""
        if self._capabilities is None:
            self._capabilities = capabilities_of(self.model)
        return self._capabilities

    def set_model(self, model: keras.Model) -> None:
        if model is not self.model:
            self._capabilities = None
        super().set_model(model)

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        before = self.step
        super().on_train_batch_end(batch, logs)
        if self.step // self.every > before // self.every:
            if self._writer is None:
                self._writer = tf.summary.create_file_writer(self._log_dir, filename_suffix=f".{type(self).__name__}")
            with self._writer.as_default():
                self.look(self.step)
            self._writer.flush()


class LogScores(AtSteps):
    """Scalars: the metrics, the KL and information of each latent, and the reconstruction error.

    A metric that is skipped, such as one that needs factors that are not known, has no scalar; KL and information have
    none for a model without log variances, and the reconstruction error none for a model without a likelihood.

    Args:
        data: images, with or without known factors, as for `tfvae.train`.
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps from one look to the next.
        metrics: as for `tfvae.evaluate`; by default all.
        parameters: of the metrics; by default `QUICK`, some ten seconds a look at dSprites on two CPU cores.
        num_images: int, over how many the KL and the reconstruction error are averaged.
        seed: the same images are drawn at each look.
        first_step: int, how many steps the model has taken; by default as in `StepCounter`.
    """

    def __init__(
        self,
        data: ImageData | np.ndarray,
        log_dir: str | os.PathLike,
        *,
        every: int,
        metrics: str | Iterable[str] = "all",
        parameters: Mapping[str, Mapping[str, Any]] = QUICK,
        num_images: int = 2_000,
        seed: int = 0,
        first_step: int | None = None,
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.metrics = metrics if isinstance(metrics, str) else tuple(metrics)
        self.parameters = parameters
        self.num_images = num_images
        self.seed = seed

    def look(self, step: int) -> None:
        found = evaluate(
            self.capabilities,
            self.data,
            metrics=self.metrics,
            parameters=self.parameters,
            num_images=self.num_images,
            seed=self.seed,
        )
        for name, result in found.items():
            if isinstance(result, Mapping) and result.get("score") is not None:
                tf.summary.scalar(f"scores/{name}", result["score"], step=step)
        if "reconstruction" in found:
            tf.summary.scalar("scores/reconstruction", found["reconstruction"]["nats"], step=step)
        if "kl" in found:
            for latent, kl in enumerate(found["kl"]["latents"]):
                tf.summary.scalar(f"latent_kl/z{latent}", kl, step=step)
            for latent, nats in enumerate(found["latents"]["information"]):
                tf.summary.scalar(f"latent_information/z{latent}", nats, step=step)


class LogTraversals(AtSteps):
    """An image: the traversals of one image's latents, under originals and reconstructions.

    There is none of a model that does not decode, nor of vectors, or images that are neither grey nor in colour.

    Args:
        data: images, as for `tfvae.train`.
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps from one look to the next.
        seed: decides the images.
        first_step: int, how many steps the model has taken; by default as in `StepCounter`.
    """

    def __init__(
        self,
        data: ImageData | np.ndarray,
        log_dir: str | os.PathLike,
        *,
        every: int,
        seed: int = 0,
        first_step: int | None = None,
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.seed = seed

    def look(self, step: int) -> None:
        represent, decode = self.capabilities.represent, self.capabilities.decode
        if decode is None or undrawable(self.data.image_shape):
            return
        rng = np.random.default_rng(self.seed)
        sample = rng.permutation(self.data.random_indices(256, rng))
        reach = self.capabilities.traversal_range
        values = None if reach is None else np.linspace(-reach, reach, 11)
        found = traverse(represent, decode, self.data.scaled(sample), values=values)
        tf.summary.image("traversals", rendered(plot_traversals(found))[np.newaxis], step=step)


class LogLatents(AtSteps):
    """Histograms: the marginals of q(z), one draw of z for each of some images.

    For a model without log variances, whose code is a deterministic function of the image, they are histograms of the
    means; a category has none.

    Args:
        data: images, as for `tfvae.train`.
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps from one look to the next.
        num_images: int, how many.
        seed: decides the images and the draws.
        first_step: int, how many steps the model has taken; by default as in `StepCounter`.
    """

    def __init__(
        self,
        data: ImageData | np.ndarray,
        log_dir: str | os.PathLike,
        *,
        every: int,
        num_images: int = 2_000,
        seed: int = 0,
        first_step: int | None = None,
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.num_images = num_images
        self.seed = seed

    def look(self, step: int) -> None:
        rng = np.random.default_rng(self.seed)
        codes = self.capabilities.represent(self.data.scaled(self.data.random_indices(self.num_images, rng)))
        z = np.asarray(codes["mean"])
        if "log_variance" in codes:
            z = sampled(z, np.asarray(codes["log_variance"]), rng)
        for latent, values in enumerate(z.T):
            tf.summary.histogram(f"latents/z{latent}", values, step=step)
