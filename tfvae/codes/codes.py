"""Codes of a data set, each image encoded at most once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from scipy.special import xlogy
from tqdm import tqdm

from tfvae.codes.cache import read_codes, write_codes
from tfvae.metrics.sampling import subset

# What an encoder gives for a batch, by name.
CODE_OUTPUTS = {
    "mean": "codes [B, D]",
    "log_variance": "log variances [B, D], as many columns as codes",
    "probabilities": "probabilities [B, C]",
}


class Codes:
    """Look-up table from the images of a data set to their codes, filled as it is asked.

    The metrics draw the same images again and again (the beta-VAE metric looks up more than four million codes
    of the 737,280 images of dSprites), so a code is computed once and kept: 8 D bytes an image, and 4 C for a category.

    A category out of C is a latent too: the last one, and its code is the number of the most probable category.

    Args:
        represent: function from images, float32 [B, H, W, C] in [0, 1], to `{"mean": [B, D], "log_variance": [B, D]}`,
            the parameters of a Gaussian posterior q(z|x): a Keras model, a SavedModel's signature. A code without a
            posterior is a dict with "mean" alone or a bare array [B, D]. "probabilities" [B, C] beside them are those
            of a category, q(c|x). Anything that `np.asarray` takes is an array.
        data: images with known factors (`tfvae.data.GroundTruthData`).
        batch_size: int, images a call of `represent`. Smaller calls are filled up to a power of two, so that a
            `tf.function` is traced for few shapes.
        progress: bool, whether to show a progress bar while encoding, on a terminal.
        cache: a folder to keep the codes in, a file for each `key`. Codes that are there are read, and nothing is
            encoded; where they are not, the first question encodes all images and writes them, whole or not at all.
        key: what the codes are a function of: the digests of the model and the data, see `codes_key`.
    """

    def __init__(
        self,
        represent: Callable[[np.ndarray], Any],
        data: Any,
        *,
        batch_size: int = 512,
        progress: bool = False,
        cache: str | os.PathLike[str] | None = None,
        key: str | None = None,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"Expected at least one image a batch. Received: batch_size={batch_size}")
        self.data = data
        self._represent = represent
        self._batch_size = batch_size
        self._progress = progress
        self._is_encoded = np.zeros(len(data), bool)
        self._outputs: dict[str, np.ndarray] = {}
        if (cache is None) != (key is None):
            raise ValueError(f"Expected a cache and its key, or neither. Received: cache={cache!r}, key={key!r}")
        self._file = None if cache is None else Path(cache) / f"{key}.npz"
        if self._file is not None:
            kept = read_codes(self._file, len(data))
            if kept is not None:
                self._store(np.arange(len(data)), kept)

    @classmethod
    def from_arrays(
        cls,
        data: Any,
        mean: np.ndarray,
        log_variance: np.ndarray | None = None,
        probabilities: np.ndarray | None = None,
    ) -> Self:
        """Codes of all images of `data` that are there already, float [N, D] and [N, C], in its order."""
        codes = cls(_no_represent, data)
        outputs = {"mean": mean, "log_variance": log_variance, "probabilities": probabilities}
        codes._store(np.arange(len(data)), _check(outputs, len(data)))
        return codes

    @property
    def encoded(self) -> int:
        """How many images have been encoded so far."""
        return int(self._is_encoded.sum())

    @property
    def latent_dim(self) -> int:
        """How many latents there are, the category among them; encodes one image when none has been."""
        return self.mean(np.zeros(1, int)).shape[1]

    @property
    def discrete(self) -> tuple[int, ...]:
        """Which latents are categories: the last one or none; encodes one image when none has been."""
        return () if self.probabilities(np.zeros(1, int)) is None else (self.latent_dim - 1,)

    @property
    def has_posterior(self) -> bool:
        """Whether there are log variances, and with them a KL; encodes one image when none has been."""
        return self.log_variance(np.zeros(1, int)) is not None

    def mean(self, indices: np.ndarray) -> np.ndarray:
        """Codes of the images at `indices`, int [N]: means of q(z|x) and, last, the category: float32 [N, D (+ 1)]."""
        indices = self._encode(indices)
        mean, probabilities = self._outputs["mean"][indices], self.probabilities(indices)
        if probabilities is None:
            return mean
        return np.column_stack([mean, probabilities.argmax(axis=1).astype(np.float32)])

    def log_variance(self, indices: np.ndarray) -> np.ndarray | None:
        """Log variances of q(z|x), float32 [N, D], of the images at `indices`, int [N]; None without a posterior."""
        return self._output("log_variance", indices)

    def probabilities(self, indices: np.ndarray) -> np.ndarray | None:
        """q(c|x), float32 [N, C], of the images at `indices`, int [N]; None without a category."""
        return self._output("probabilities", indices)

    def sample(self, indices: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One draw of q(z|x) for each image at `indices`, int [N], the mean without a posterior: float32 [N, D (+ C)].

        A category follows as C further columns, one of them 1: it is drawn from q(c|x).
        """
        z, log_variance = self._output("mean", indices), self.log_variance(indices)
        assert z is not None
        if log_variance is not None:
            z = z + np.exp(0.5 * log_variance) * rng.standard_normal(z.shape, np.float32)
        probabilities = self.probabilities(indices)
        if probabilities is None:
            return z
        # The Gumbel-max trick: the largest of log p + Gumbel noise is a draw from p.
        with np.errstate(divide="ignore"):
            drawn = np.argmax(np.log(probabilities) + rng.gumbel(size=probabilities.shape), axis=1)
        return np.hstack([z, np.eye(probabilities.shape[1], dtype=np.float32)[drawn]])

    def encode_all(self) -> None:
        """Encodes every image that has not been encoded yet."""
        self._encode(np.arange(len(self.data)))

    def active_latents(
        self, rng: np.random.Generator, collapsed_kl: float = 0.01, *, samples: int = 10_000
    ) -> np.ndarray:
        """Which latents vary and have not collapsed to the prior, bool [D]: those that a metric looks at.

        A mean of 1e-4 carries nothing through a posterior of standard deviation 1, yet all metrics that do not depend
        on the scale of latents would take it for a code. A latent whose KL is exactly 0.01 nats has means of variance
        0.02 (0.5 log 1/(1 - v)).

        Args:
            rng: draws the images that are looked at.
            collapsed_kl: float, in nats; a latent of less or equal KL has collapsed. A negative number lets all pass
                that vary. Without a posterior it is not looked at.
            samples: int, random images over which the KL is averaged; all images when there are fewer.
        """
        sample = subset(len(self.data), samples, rng)
        active, kl = self.varying_latents(sample), self.kl_per_latent(sample)
        return active if kl is None else active & (kl > collapsed_kl)

    def varying_latents(self, indices: np.ndarray) -> np.ndarray:
        """Which latents vary over images by more than float32 rounds, bool [D]; `indices` int [N]."""
        means = self.mean(indices).astype(np.float64)
        return np.ptp(means, axis=0) > 4 * np.finfo(np.float32).eps * np.abs(means).max(axis=0)

    def kl_per_latent(self, indices: np.ndarray) -> np.ndarray | None:
        """KL of each latent to the standard normal prior, averaged over images.

        KL_j = (1/N) sum_i KL(q(z_j|x_i) || p(z_j)) = (1/N) sum_i 0.5 (mu_ij^2 + s_ij^2 - log s_ij^2 - 1)

        and for a category, whose prior is uniform, (1/N) sum_i (log C + sum_c q(c|x_i) log q(c|x_i)).

        Args:
            indices: int [N], the images to average over.

        Returns:
            float64 [D (+ 1)], in nats, or None without a posterior.
        """
        mean, log_variance = self._output("mean", indices), self.log_variance(indices)
        if mean is None or log_variance is None:
            return None
        mean, log_variance = mean.astype(np.float64), log_variance.astype(np.float64)
        # exp(l) - l - 1 cancels near l = 0, where collapsed latents are; expm1 keeps their small KL exact.
        kl = np.mean(0.5 * (mean**2 + np.expm1(log_variance) - log_variance), axis=0)
        probabilities = self.probabilities(indices)
        if probabilities is None:
            return kl
        p = probabilities.astype(np.float64)
        return np.append(kl, np.log(p.shape[1]) + np.mean(xlogy(p, p).sum(axis=1)))

    def _output(self, name: str, indices: np.ndarray) -> np.ndarray | None:
        """What the encoder gave by this name for the images at `indices`, int [N], or None where it gives no such."""
        indices = self._encode(indices)
        return self._outputs[name][indices] if name in self._outputs else None

    def _encode(self, indices: np.ndarray) -> np.ndarray:
        """Makes sure that the images at `indices` are encoded; returns the indices as an array, int [N]."""
        indices = np.asarray(indices)
        size = len(self._is_encoded)
        if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer) or not indices.size:
            raise ValueError(
                f"Expected integer indices [N] with N > 0. Received: shape={indices.shape}, dtype={indices.dtype}"
            )
        if indices.min() < 0 or indices.max() >= size:
            raise IndexError(f"Expected indices in [0, {size}). Received: {indices.min()} to {indices.max()}")
        missing = np.zeros(size, bool)
        missing[indices] = True
        missing &= ~self._is_encoded
        todo = np.flatnonzero(missing)
        if todo.size and self._file is not None:
            todo = np.flatnonzero(~self._is_encoded)
        if todo.size:
            with tqdm(
                total=todo.size, unit="images", desc="encode", leave=False, disable=None if self._progress else True
            ) as bar:
                for start in range(0, todo.size, self._batch_size):
                    batch = todo[start : start + self._batch_size]
                    padded = min(self._batch_size, 1 << (batch.size - 1).bit_length())
                    images = scaled_images(self.data, np.resize(batch, padded))
                    outputs = _check(self._represent(images), padded)
                    self._store(batch, {name: output[: batch.size] for name, output in outputs.items()})
                    bar.update(batch.size)
            if self._file is not None:
                write_codes(self._file, self._outputs)
        return indices

    def _store(self, indices: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
        if not self._outputs:
            size = len(self._is_encoded)
            self._outputs = {name: np.zeros((size, output.shape[1]), np.float32) for name, output in outputs.items()}
        first, now = ({name: array.shape[1] for name, array in each.items()} for each in (self._outputs, outputs))
        if first != now:
            raise ValueError(f"Expected the outputs of the first batch again, columns {first}. Received: {now}")
        for name, output in outputs.items():
            self._outputs[name][indices] = output
        self._is_encoded[indices] = True


def scaled_images(data: Any, indices: np.ndarray) -> np.ndarray:
    """Images as an encoder takes them, float32 [N, H, W, C] in [0, 1], of the uint8 images at `indices`, int [N]."""
    return np.asarray(data.images(indices), np.float32) / np.float32(255)


def _check(output: Any, batch: int) -> dict[str, np.ndarray]:
    """The output of `represent` as float32 arrays by name: "mean" and those of the others that it has."""
    if not isinstance(output, dict):
        output = {"mean": output}
    if output.get("mean") is None:
        raise ValueError(f'Expected codes [B, D] or a dict with "mean" [B, D]. Received: keys={sorted(output)}')
    arrays = {name: np.asarray(output[name], np.float32) for name in CODE_OUTPUTS if output.get(name) is not None}
    for name, array in arrays.items():
        columns = arrays["mean"].shape[1:] if name == "log_variance" else array.shape[1:]
        if array.ndim != 2 or array.shape != (batch, *columns) or not array.shape[1]:
            raise ValueError(
                f"Expected {CODE_OUTPUTS[name]}, one row an image. Received: shape={array.shape} for B={batch}"
            )
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).any(axis=1).sum())
            raise ValueError(
                f"Expected finite {CODE_OUTPUTS[name]}. Received: NaN or infinity for {bad} of {batch} images"
            )
    p = arrays.get("probabilities")
    if p is not None and (p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3):
        raise ValueError(
            f"Expected probabilities [B, C] >= 0 with rows of sum 1. Received: minimum {p.min():.4g}, sums "
            f"{p.sum(axis=1).min():.4g} to {p.sum(axis=1).max():.4g}"
        )
    return arrays


def _no_represent(images: np.ndarray) -> Any:
    raise AssertionError("codes from arrays are complete")
