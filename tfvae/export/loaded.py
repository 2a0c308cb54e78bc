"""Exported networks read back as functions."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.codes.cache import model_digest
from tfvae.codes.capabilities import Capabilities
from tfvae.data.shapes import is_image, noun
from tfvae.export.folders import checked_folder
from tfvae.export.provenance import read_provenance
from tfvae.export.signature import TOLERANCE
from tfvae.files.html import table


def load_saved_model(path: str | os.PathLike) -> "SavedEncoder":
    """The encoder in a SavedModel's folder, as a function of images.

    Raises:
        ValueError: if the folder does not hold a SavedModel with an encoder's signature, or its files are not those of
            its manifest.json. An export of another library needs none.

    Examples:
        >>> encode = tfvae.load_saved_model(tfvae.zoo.load_encoder("vae-dsprites").path)
        >>> encode.image_shape, encode.latent_dim
        ((64, 64, 1), 10)
    """
    return SavedEncoder(checked_folder(path))


def load_decoder(path: str | os.PathLike) -> "SavedDecoder":
    """The decoder in a SavedModel's folder, as a function of codes.

    Raises:
        ValueError: if the folder does not hold a SavedModel with a decoder's signature, or as `load_saved_model`.

    Examples:
        >>> from tfvae.export import load_decoder
        >>> decode = load_decoder(tfvae.zoo.load_decoder("vae-dsprites").path)
        >>> decode(np.zeros([2, 10])).shape
        TensorShape([2, 64, 64, 1])
    """
    return SavedDecoder(checked_folder(path))


class SavedEncoder:
    """A SavedModel's `serving_default`: images or vectors -> {"mean": float32 [B, D], "log_variance": float32 [B, D]}.

    Args:
        path: the folder of a SavedModel. `load_saved_model` reports what is wrong with any other folder.

    Examples:
        >>> encode = tfvae.zoo.load_encoder("vae-dsprites")
        >>> encode.image_shape, encode.latent_dim, encode(np.zeros([3, 64, 64, 1]))["mean"].shape
        ((64, 64, 1), 10, TensorShape([3, 10]))
    """

    def __init__(self, path: Path):
        self.path = path
        # A signature holds its variables weakly: without the SavedModel they would be gone at its first call.
        self._saved_model, self._signature, inputs, outputs = _served(path)
        specs = list(inputs.values())
        if len(specs) != 1 or specs[0].dtype != tf.float32 or (specs[0].shape.rank or 0) < 2 or "mean" not in outputs:
            raise ValueError(
                "Expected a signature serving_default from one float32 input, [B, H, W, C] or [B, F], to an output "
                "'mean' [B, D]. "
                f"Received: inputs={inputs}, outputs={outputs} in {path}"
            )
        ((self._input, spec),) = inputs.items()
        self.image_shape = tuple(spec.shape[1:])
        self.latent_dim = outputs["mean"].shape[-1]

    def __repr__(self) -> str:
        return _described(self, f"{self.image_shape} -> {self.latent_dim} latents")

    def _repr_html_(self) -> str:
        return _as_table(self)

    def capabilities(self) -> Capabilities:
        """What it can do: encode images."""
        return Capabilities(self, image_shape=self.image_shape, digest=lambda: model_digest(self.path))

    def __call__(self, images: np.ndarray | tf.Tensor) -> dict[str, tf.Tensor]:
        """Encodes images, float [B, H, W, C] in [0, 1] (the range is checked in eager calls), or vectors [B, F]."""
        images = tf.convert_to_tensor(images)
        if not images.dtype.is_floating:
            raise TypeError(
                f"Expected floating-point {noun(self.image_shape)}. Received: images.dtype={images.dtype.name}. "
                "Divide pixels in 0..255 by 255."
            )
        if not images.shape.is_compatible_with((None, *self.image_shape)):
            expected = ", ".join("?" if size is None else str(size) for size in self.image_shape)
            raise ValueError(
                f"Expected {noun(self.image_shape)} of shape [B, {expected}]. "
                f"Received: images.shape={list(images.shape)}"
            )
        images = tf.cast(images, tf.float32)
        # The graph itself checks vectors, whose range depends on the model.
        if tf.executing_eagerly() and is_image(self.image_shape):
            low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
            # Written so that NaN fails too.
            if not (low >= -TOLERANCE and high <= 1 + TOLERANCE):
                raise ValueError(f"Expected images in [0, 1]. Received: values from {low:g} to {high:g}")
        return self._signature(**{self._input: images})


class SavedDecoder:
    """A SavedModel's `serving_default`: codes -> images, float32 [B, H, W, C] in [0, 1], or vectors [B, F].

    Args:
        path: the folder of a SavedModel. `load_decoder` reports what is wrong with any other folder.

    Examples:
        >>> decode = tfvae.zoo.load_decoder("vae-dsprites")
        >>> decode.image_shape, decode.latent_dim, decode(np.zeros([3, 10])).shape
        ((64, 64, 1), 10, TensorShape([3, 64, 64, 1]))
    """

    def __init__(self, path: Path):
        self.path = path
        # A signature holds its variables weakly: without the SavedModel they would be gone at its first call.
        self._saved_model, self._signature, inputs, outputs = _served(path)
        found = [name for name, output in outputs.items() if name == noun(output.shape[1:])]
        if not {"z"} <= set(inputs) <= {"z", "category"} or len(found) != 1:
            raise ValueError(
                "Expected a signature serving_default from 'z' [B, D], and 'category' [B, K] where there is one, to "
                f"'images' or 'vectors'. Received: inputs={inputs}, outputs={outputs} in {path}"
            )
        (self._output,) = found
        self.image_shape = tuple(outputs[self._output].shape[1:])
        self.latent_dim = inputs["z"].shape[-1]
        self.categories = inputs["category"].shape[-1] if "category" in inputs else 0

    def __repr__(self) -> str:
        categories = f" and {self.categories} categories" if self.categories else ""
        return _described(self, f"{self.latent_dim} latents{categories} -> {self.image_shape}")

    def _repr_html_(self) -> str:
        return _as_table(self)

    def __call__(self, codes: np.ndarray | tf.Tensor) -> tf.Tensor:
        """Decodes codes, float [B, D] or, with a categorical latent, [B, D + K], its one-hot rows last."""
        codes = tf.cast(tf.convert_to_tensor(codes), tf.float32)
        size = self.latent_dim + self.categories
        if not codes.shape.is_compatible_with((None, size)):
            raise ValueError(f"Expected codes of shape [B, {size}]. Received: codes.shape={list(codes.shape)}")
        inputs = {"z": codes[:, : self.latent_dim]}
        if self.categories:
            inputs["category"] = codes[:, self.latent_dim :]
        return self._signature(**inputs)[self._output]


def _described(network: "SavedEncoder | SavedDecoder", what: str) -> str:
    return f"<{type(network).__name__} {network.path.parent.name}/{network.path.name}: {what}>"


def _as_table(network: "SavedEncoder | SavedDecoder") -> str:
    known = read_provenance(network.path)
    known["data"] = (known.get("experiment") or {}).get("data")
    rows = [("folder", network.path), ("images", network.image_shape), ("latents", network.latent_dim)]
    return table(rows + [(name, known[name]) for name in ("model", "data") if known.get(name)])


def _served(path: Path) -> tuple[Any, Any, dict[str, Any], dict[str, Any]]:
    """A SavedModel, its serving_default, and the inputs and outputs of that; None and no tensors without one."""
    saved_model = tf.saved_model.load(str(path))
    signature = saved_model.signatures.get("serving_default")
    if signature is None:
        return saved_model, None, {}, {}
    return saved_model, signature, dict(signature.structured_input_signature[1]), dict(signature.structured_outputs)
