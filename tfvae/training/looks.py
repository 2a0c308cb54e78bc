"""Keras callbacks that show in TensorBoard, at chosen steps of a training, what its model has learnt.

    model.fit(..., callbacks=[LogScores(data, "logs", every=5_000), LogTraversals(data, "logs", every=5_000)])

They read the model and change nothing: no random state, no metric, no weight. A training ends with the same weights
with them and without, bit for bit.
"""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.analysis.mixture import sampled
from tfvae.codes.capabilities import Capabilities
from tfvae.codes.codes import scaled_images
from tfvae.evaluation import evaluate
from tfvae.metrics import METRICS, QUICK
from tfvae.metrics.sampling import subset
from tfvae.plots.tiles import rendered
from tfvae.plots.traversals import plot_traversals, traverse


def looks(data: Any, log_dir: str | os.PathLike, every: int) -> list["AtSteps"]:
    """All that these callbacks show; without scores for images of which no factors are known."""
    kinds: list[Callable[..., AtSteps]] = [LogTraversals, LogLatents]
    if hasattr(data, "factors"):
        kinds.append(LogScores)
    return [kind(data, log_dir, every=every) for kind in kinds]


class AtSteps(keras.callbacks.Callback):
    """Calls `look` each time that the training passes a multiple of `every` steps; a subclass writes what it sees.

    Args:
        data: images (`tfvae.data`).
        log_dir: where TensorBoard's events are written.
        every: int >= 1, steps between two looks.
        first_step: int, how many steps the model has behind it; by default what its optimizer has counted when `fit`
            begins. The count goes on over several calls of `fit`.

    Raises:
        ValueError: when `every` is less than 1.
    """

    def __init__(self, data: Any, log_dir: str | os.PathLike, *, every: int, first_step: int | None = None) -> None:
        super().__init__()
        if every < 1:
            raise ValueError(f"Expected every >= 1. Received: every={every}")
        self.data = data
        self.every = every
        self.step = first_step
        self._log_dir = str(log_dir)
        self._writer: Any = None
        self._represent: Any = None
        self._epoch_start = 0

    def look(self, step: int) -> None:
        """Writes summaries of the model, to the default writer."""
        raise NotImplementedError

    def represent(self, images: np.ndarray) -> Any:
        """The model's representation of images, by a function of its own: `predict` would disturb `fit`."""
        if self._represent is None:
            signature = tf.TensorSpec((None, *self.model.image_shape), tf.float32)
            self._represent = tf.function(self.model.call, input_signature=[signature])
        return self._represent(images)

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.step is None:
            self.step = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self.step is not None
        self._epoch_start = self.step

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        assert self.step is not None
        # With steps_per_execution > 1, Keras calls this once for several steps.
        before, self.step = self.step, self._epoch_start + batch + 1
        if self.step // self.every > before // self.every:
            if self._writer is None:
                self._writer = tf.summary.create_file_writer(self._log_dir, filename_suffix=f".{type(self).__name__}")
            with self._writer.as_default():
                self.look(self.step)
            self._writer.flush()


class LogScores(AtSteps):
    """Scalars: the metrics, the KL in all and of each latent, and the reconstruction error.

    Args:
        data: images with known factors.
        log_dir: as in `AtSteps`.
        every: as in `AtSteps`.
        metrics: names out of `METRICS`; by default all.
        parameters: of the metrics; by default `QUICK`, some ten seconds a look at dSprites on two CPU cores.
        images: int, over how many the KL and the reconstruction error are averaged.
        seed: the same images are drawn at each look.
        first_step: as in `AtSteps`.
    """

    def __init__(
        self,
        data: Any,
        log_dir: str | os.PathLike,
        *,
        every: int,
        metrics: Iterable[str] = tuple(METRICS),
        parameters: Mapping[str, Mapping[str, Any]] = QUICK,
        images: int = 2_000,
        seed: int = 0,
        first_step: int | None = None,
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.metrics = tuple(metrics)
        self.parameters = parameters
        self.images = images
        self.seed = seed

    def look(self, step: int) -> None:
        found = evaluate(
            Capabilities(self.represent, log_likelihood=self.model.log_likelihood),
            self.data,
            metrics=self.metrics,
            num_images=self.images,
            seed=self.seed,
            parameters=self.parameters,
        )
        for name in self.metrics:
            tf.summary.scalar(f"scores/{name}", found[name]["score"], step=step)
        tf.summary.scalar("scores/reconstruction", found["reconstruction"]["nats"], step=step)
        for latent, kl in enumerate(found["kl"]["latents"]):
            tf.summary.scalar(f"latent_kl/z{latent}", kl, step=step)


class LogTraversals(AtSteps):
    """An image: the traversals of one image's latents, under originals and reconstructions.

    Args:
        data: images.
        log_dir: as in `AtSteps`.
        every: as in `AtSteps`.
        seed: decides the images.
        first_step: as in `AtSteps`.
    """

    def __init__(
        self, data: Any, log_dir: str | os.PathLike, *, every: int, seed: int = 0, first_step: int | None = None
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.seed = seed

    def look(self, step: int) -> None:
        rng = np.random.default_rng(self.seed)
        sample = rng.permutation(subset(len(self.data), 256, rng))
        found = traverse(self.represent, self.model.decode, scaled_images(self.data, sample))
        tf.summary.image("traversals", rendered(plot_traversals(found))[np.newaxis], step=step)


class LogLatents(AtSteps):
    """Histograms: the marginals of q(z), one draw of z for each of some images.

    Args:
        data: images.
        log_dir: as in `AtSteps`.
        every: as in `AtSteps`.
        images: int, over how many.
        seed: decides the images and the draws.
        first_step: as in `AtSteps`.
    """

    def __init__(
        self,
        data: Any,
        log_dir: str | os.PathLike,
        *,
        every: int,
        images: int = 2_000,
        seed: int = 0,
        first_step: int | None = None,
    ) -> None:
        super().__init__(data, log_dir, every=every, first_step=first_step)
        self.images = images
        self.seed = seed

    def look(self, step: int) -> None:
        rng = np.random.default_rng(self.seed)
        codes = self.represent(scaled_images(self.data, subset(len(self.data), self.images, rng)))
        z = sampled(codes["mean"].numpy(), codes["log_variance"].numpy(), rng)
        for latent, values in enumerate(z.T):
            tf.summary.histogram(f"latents/z{latent}", values, step=step)
