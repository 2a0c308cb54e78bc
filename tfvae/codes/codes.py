"""Codes of a data set, each image encoded at most once."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from tqdm import tqdm

from tfvae.codes.cache import read_codes, write_codes
from tfvae.codes.capabilities import capabilities_of
from tfvae.codes.latents import ActiveRule, columns, latent_information
from tfvae.codes.outputs import centred, checked_outputs, offset_of_first
from tfvae.codes.subset import subset
from tfvae.codes.table import columns_of, write
from tfvae.data.images import ImageData
from tfvae.files.frames import pandas_module
from tfvae.files.html import table

if TYPE_CHECKING:
    import pandas

_SAMPLES = 10_000  # images over which the active latents are found


class Codes:
    """A look-up table from the images of a data set to their codes, which encodes images as they are needed.

    Metrics draw the same images many times (the beta-VAE metric looks up more than four million codes of the 737,280
    images of dSprites). So a code is computed once and kept, in 8 D bytes per image, plus 4 C for a category. Encoding
    shows a progress bar if standard error is a terminal.

    A category out of C is a latent too, the last one. Its code is the number of the most probable category.

    Args:
        represent: a model of tfvae, an exported encoder, a loaded model, or any function from images, float32
            [B, H, W, C] in [0, 1], to `{"mean": [B, D], "log_variance": [B, D]}`, the parameters of a Gaussian
            posterior q(z|x). Without a posterior, it returns a dict with "mean" alone or an array [B, D]. The dict may
            also hold "probabilities" [B, C] of a category, q(c|x), and "value_indices" [B, D] of codes with few values.
            An array may be anything that `np.asarray` takes.
        data: images (`tfvae.data.ImageData`).
        batch_size: int, the number of images in a call of `represent`. Smaller batches are padded to a power of two, so
            that a `tf.function` is traced for few shapes.
        cache: a folder that keeps codes, one file for each `key`. If the file exists, its codes are read and no image
            is encoded. If not, the first look-up encodes all images and writes their codes, all of them or none.
        key: identifies the codes: see `codes_key`.
        active: which latents count, see `ActiveRule`: "information", "kl", "spread" or "all", with a threshold if it is
            to be another, such as "information:0.05".

    Raises:
        TypeError: if `represent` is none of these.
        ValueError: if `batch_size` is not positive, a cache is given without a key, or there is no such rule.

    Examples:
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> codes.means(np.arange(3)).shape
        (3, 10)
        >>> codes.encoded
        3
    """

    def __init__(
        self,
        represent: Any,
        data: Any,
        *,
        batch_size: int = 512,
        cache: str | os.PathLike[str] | None = None,
        key: str | None = None,
        active: str | ActiveRule = "information",
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"Expected at least one image per batch. Received: batch_size={batch_size}")
        self.data = data
        self.active = ActiveRule.of(active)
        self._active: np.ndarray | None = None
        self.capabilities = capabilities_of(represent)
        self._batch_size = batch_size
        self._is_encoded = np.zeros(len(data), bool)
        self._outputs: dict[str, np.ndarray] = {}
        self._offsets: dict[str, np.ndarray | float] = {}  # what was subtracted from the means, float64 [D]
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
        *,
        active: str | ActiveRule = "information",
    ) -> Self:
        """Codes that are known already, float [N, D] and [N, C], for all images of `data` and in their order.

        Codes are kept in float32. Means are centred first where float32 would round away how they vary, such as times
        in seconds since 1970: metrics are invariant to the offset, which `means` and `sample` then leave out. The KL,
        which is not invariant, is that of the given means.
        """
        codes = cls(_no_represent, data, active=active)
        mean, codes._offsets["mean"] = centred(mean)
        outputs = {"mean": mean, "log_variance": log_variance, "probabilities": probabilities}
        codes._store(np.arange(len(data)), checked_outputs(outputs, len(data)))
        return codes

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {', '.join(f'{name} {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return table(self._facts()) + (self._latents_table() if self.encoded else "")

    def _facts(self) -> list[tuple[str, str]]:
        """What is known without encoding an image."""
        of = [("of", self.data.name)] if isinstance(self.data, ImageData) else []
        sizes = [(name, f"[N, {output.shape[1]}]") for name, output in self._outputs.items()]
        return [*of, ("encoded", f"{self.encoded:,} of {len(self.data):,}"), *sizes]

    def _latents_table(self) -> str:
        """What each latent does over the images that are encoded, by descending information."""
        outputs = self.outputs(np.flatnonzero(self._is_encoded))
        means, information = columns(outputs), latent_information(outputs)
        carried = [None] * means.shape[1] if information is None else [f"{nats:.3f}" for nats in information]
        order = range(means.shape[1]) if information is None else np.argsort(-information, kind="stable")
        names = [*(f"z{k}" for k in range(outputs["mean"].shape[1])), "category"]
        rows = [(names[k], f"{means[:, k].mean():.3f}", f"{means[:, k].std():.3f}", carried[k]) for k in order]
        return table(rows, ("latent", "mean", "deviation", "nats"))

    @property
    def _offset(self) -> np.ndarray | float:
        return self._offsets.get("mean", 0.0)  # in a dict, as copies of this object share it

    @property
    def encoded(self) -> int:
        """The number of images that have been encoded so far."""
        return int(self._is_encoded.sum())

    @property
    def latent_dim(self) -> int:
        """The number of latents, including a category; encodes one image if none has been."""
        return self.means(np.zeros(1, int)).shape[1]

    @property
    def discrete(self) -> tuple[int, ...]:
        """Which latents are categories: the last one or none; encodes one image if none has been."""
        return () if self.probabilities(np.zeros(1, int)) is None else (self.latent_dim - 1,)

    @property
    def has_posterior(self) -> bool:
        """Whether there are log variances, and hence a KL; encodes one image if none has been."""
        return self.log_variance(np.zeros(1, int)) is not None

    def means(self, indices: np.ndarray) -> np.ndarray:
        """Codes of the images at `indices`, int [N]: means of q(z|x), then the category: float32 [N, D (+ 1)]."""
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
        """A draw from q(z|x) for each image at `indices`, int [N]; the mean without a posterior: float32 [N, D (+ C)].

        A category, drawn from q(c|x), follows as C one-hot columns.
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

    def active_latents(self) -> np.ndarray:
        """Which latents count, by the rule of these codes: bool [D (+ 1)]. The others are left out by metrics.

        They are found over 10,000 images, or all if there are fewer, always the same ones: metrics of the same codes
        use the same latents.
        """
        if self._active is None:
            sample = subset(len(self.data), _SAMPLES, np.random.default_rng(0))
            self._active = self.active.active(self._rows(sample), self._offset)
        return self._active.copy()

    def outputs(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """The encoder's outputs by name, see `CODE_OUTPUTS`, float32 [N, ...], of the images at `indices`, int [N].

        Means that were centred have their offset again, in float64.
        """
        outputs = self._rows(indices)
        return {**outputs, "mean": outputs["mean"] + self._offset} if np.any(self._offset) else outputs

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the codes of all images to a file, which is replaced if it exists.

        Args:
            path: .csv or .parquet, a row for each image; or .npz, the arrays "mean", "log_variance", "probabilities"
                and "value_indices" that the codes have, "files", "factors" and "factor_names". The columns are those of
                `to_frame`.

        Raises:
            ValueError: for another suffix.
        """
        write(self, path)

    def to_frame(self) -> "pandas.DataFrame":
        """The codes of all images as a DataFrame of pandas, a row for each image.

        Returns:
            The columns "index", the image's place, and "file", where images come from files; "z0", "z1", ..., the
            means, "z0.log_variance", ..., and "z0.index", ...; of a category "category", the likeliest, and its
            probabilities "category.0", ...; and each factor under its name ("factor.NAME" if that is taken), text
            where it has labels.

        Raises:
            ImportError: without pandas, `pip install tfvae[pandas]`.
        """
        return pandas_module().DataFrame(columns_of(self))

    def _rows(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        indices = self._encode(indices)
        return {name: output[indices] for name, output in self._outputs.items()}

    def _output(self, name: str, indices: np.ndarray) -> np.ndarray | None:
        """The encoder's output of this name for the images at `indices`, int [N]; None if there is no such output."""
        indices = self._encode(indices)
        return self._outputs[name][indices] if name in self._outputs else None

    def _encode(self, indices: np.ndarray) -> np.ndarray:
        """Encodes those images at `indices` that have not been encoded; returns the indices as an array, int [N]."""
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
            # With disable=None, tqdm shows its bar only on a terminal.
            with tqdm(total=todo.size, unit="images", desc="encode", leave=False, disable=None) as bar:
                for start in range(0, todo.size, self._batch_size):
                    batch = todo[start : start + self._batch_size]
                    self._store(batch, self._represent(batch))
                    bar.update(batch.size)
            if self._file is not None:
                write_codes(self._file, self._outputs)
        return indices

    def _represent(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """The encoder's outputs for at most `batch_size` images; their means without the offset of these codes."""
        padded = min(self._batch_size, 1 << (batch.size - 1).bit_length())
        output = self.capabilities.represent(self.data.scaled(np.resize(batch, padded)))
        if not self._outputs and self._file is None:
            self._offsets["mean"] = offset_of_first(output)
        if np.any(self._offset):
            given = output if isinstance(output, dict) else {"mean": output}
            output = {**given, "mean": np.asarray(given["mean"], np.float64) - self._offset}
        return {name: rows[: batch.size] for name, rows in checked_outputs(output, padded).items()}

    def _store(self, indices: np.ndarray, outputs: dict[str, np.ndarray]) -> None:
        if not self._outputs:
            size = len(self._is_encoded)
            # In place: copies of this object share it.
            self._outputs |= {name: np.zeros((size, output.shape[1]), np.float32) for name, output in outputs.items()}
        first, now = ({name: array.shape[1] for name, array in each.items()} for each in (self._outputs, outputs))
        if first != now:
            raise ValueError(f"Expected the same outputs as of the first batch, columns {first}. Received: {now}")
        for name, output in outputs.items():
            self._outputs[name][indices] = output
        self._is_encoded[indices] = True


def _no_represent(images: np.ndarray) -> Any:
    raise ValueError("Expected codes that come from an encoder, to encode other images. Received: codes from arrays")
