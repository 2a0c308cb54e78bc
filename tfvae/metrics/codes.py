"""Codes of a data set, each image encoded at most once."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import numpy as np
from tqdm import tqdm

from tfvae.metrics.codes_cache import read_codes, write_codes
from tfvae.metrics.sampling import subset


class Codes:
    """Look-up table from the images of a data set to their codes, filled as it is asked.

    The metrics draw the same images again and again (the beta-VAE metric looks up more than four million codes
    of the 737,280 images of dSprites), so a code is computed once and kept: 8 D bytes an image.

    Args:
        represent: function from images, float32 [B, H, W, C] in [0, 1], to `{"mean": [B, D], "log_variance": [B, D]}`,
            the parameters of a Gaussian posterior q(z|x): a Keras model, a SavedModel's signature. A code without a
            posterior is a dict with "mean" alone or a bare array [B, D]. Anything that `np.asarray` takes is an array.
        data: images with known factors (`tfvae.data.GroundTruthData`).
        batch_size: int, images a call of `represent`. Smaller calls are filled up to a power of two, so that a
            `tf.function` is traced for few shapes.
        progress: bool, whether to show a progress bar while encoding.
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
        self._mean: np.ndarray | None = None
        self._log_variance: np.ndarray | None = None
        if (cache is None) != (key is None):
            raise ValueError(f"Expected a cache and its key, or neither. Received: cache={cache!r}, key={key!r}")
        self._file = None if cache is None else Path(cache) / f"{key}.npz"
        if self._file is not None:
            kept = read_codes(self._file, len(data))
            if kept is not None:
                self._store(np.arange(len(data)), *kept)

    @classmethod
    def from_arrays(cls, data: Any, mean: np.ndarray, log_variance: np.ndarray | None = None) -> Self:
        """Codes of all images of `data` that are there already, float [N, D], in the order of its indices."""
        codes = cls(_no_represent, data)
        mean, log_variance = _check({"mean": mean, "log_variance": log_variance}, len(data))
        codes._store(np.arange(len(data)), mean, log_variance)
        return codes

    @property
    def encoded(self) -> int:
        """How many images have been encoded so far."""
        return int(self._is_encoded.sum())

    @property
    def latent_dim(self) -> int:
        """D; encodes one image when none has been."""
        return self.mean(np.zeros(1, int)).shape[1]

    @property
    def has_posterior(self) -> bool:
        """Whether there are log variances, and with them a KL; encodes one image when none has been."""
        return self.log_variance(np.zeros(1, int)) is not None

    def mean(self, indices: np.ndarray) -> np.ndarray:
        """Means of q(z|x), float32 [N, D], of the images at `indices`, int [N]."""
        indices = self._encode(indices)
        assert self._mean is not None
        return self._mean[indices]

    def log_variance(self, indices: np.ndarray) -> np.ndarray | None:
        """Log variances of q(z|x), float32 [N, D], of the images at `indices`, int [N]; None without a posterior."""
        indices = self._encode(indices)
        return None if self._log_variance is None else self._log_variance[indices]

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

        Args:
            indices: int [N], the images to average over.

        Returns:
            float64 [D], in nats, or None without a posterior.
        """
        log_variance = self.log_variance(indices)
        if log_variance is None:
            return None
        mean, log_variance = self.mean(indices).astype(np.float64), log_variance.astype(np.float64)
        # exp(l) - l - 1 cancels near l = 0, where collapsed latents are; expm1 keeps their small KL exact.
        return np.mean(0.5 * (mean**2 + np.expm1(log_variance) - log_variance), axis=0)

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
            with tqdm(total=todo.size, unit="images", desc="encode", leave=False, disable=not self._progress) as bar:
                for start in range(0, todo.size, self._batch_size):
                    batch = todo[start : start + self._batch_size]
                    padded = min(self._batch_size, 1 << (batch.size - 1).bit_length())
                    images = scaled_images(self.data, np.resize(batch, padded))
                    mean, log_variance = _check(self._represent(images), padded)
                    self._store(batch, mean[: batch.size], None if log_variance is None else log_variance[: batch.size])
                    bar.update(batch.size)
            if self._file is not None:
                assert self._mean is not None
                write_codes(self._file, self._mean, self._log_variance)
        return indices

    def _store(self, indices: np.ndarray, mean: np.ndarray, log_variance: np.ndarray | None) -> None:
        if self._mean is None:
            self._mean = np.zeros((len(self._is_encoded), mean.shape[1]), np.float32)
            self._log_variance = None if log_variance is None else np.zeros_like(self._mean)
        if mean.shape[1] != self._mean.shape[1] or (log_variance is None) != (self._log_variance is None):
            raise ValueError(
                f"Expected the outputs of the first batch again, codes [B, {self._mean.shape[1]}] "
                f"with{'out' if self._log_variance is None else ''} log variances. Received: "
                f"codes {list(mean.shape)} with{'out' if log_variance is None else ''} log variances"
            )
        self._mean[indices] = mean
        if self._log_variance is not None:
            self._log_variance[indices] = log_variance
        self._is_encoded[indices] = True


def scaled_images(data: Any, indices: np.ndarray) -> np.ndarray:
    """Images as an encoder takes them, float32 [N, H, W, C] in [0, 1], of the uint8 images at `indices`, int [N]."""
    return np.asarray(data.images(indices), np.float32) / np.float32(255)


def _check(output: Any, batch: int) -> tuple[np.ndarray, np.ndarray | None]:
    """Splits the output of `represent` into means and log variances, [B, D]."""
    if not isinstance(output, dict):
        output = {"mean": output}
    if "mean" not in output:
        raise ValueError(f'Expected codes [B, D] or a dict with "mean" [B, D]. Received: keys={sorted(output)}')
    mean = np.asarray(output["mean"], np.float32)
    log_variance = output.get("log_variance")
    log_variance = None if log_variance is None else np.asarray(log_variance, np.float32)
    for name, array in (("codes", mean), ("log variances", log_variance)):
        if array is None:
            continue
        if array.ndim != 2 or array.shape[0] != batch or array.shape != mean.shape or not array.shape[1]:
            raise ValueError(
                f"Expected {name} [B, D], one row an image and as many columns for each output. "
                f"Received: shape={array.shape} for B={batch}"
            )
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).any(axis=1).sum())
            raise ValueError(f"Expected finite {name} [B, D]. Received: NaN or infinity for {bad} of {batch} images")
    return mean, log_variance


def _no_represent(images: np.ndarray) -> Any:
    raise AssertionError("codes from arrays are complete")
