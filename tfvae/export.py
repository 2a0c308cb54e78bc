"""Encoders as SavedModels that need TensorFlow alone: written for TensorFlow Serving, and read back as a function."""

import os
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from tfvae.atomic import written_whole

Encode = Callable[[tf.Tensor], dict[str, tf.Tensor]]


def export_encoder(model: keras.Model, path: str | os.PathLike) -> Path:
    """Writes q(z | x) as a SavedModel that tf.saved_model.load and TensorFlow Serving load.

    Each signature of SIGNATURES maps a batch of any size to the model's representation by name: that of a VAE is
    {"mean": float32 [B, D], "log_variance": float32 [B, D]}. The same encoder gives the same
    `tf.saved_model.experimental.read_fingerprint(path).singleprint()`. A fresh process also gives the same bytes, but
    for the uuid in fingerprint.pb; within one, TensorFlow numbers its functions on.

    Args:
        model: a `tfvae.models.Model`: its `encoder` is a built Keras network, images [B, H, W, C] in [0, 1] -> [B, P],
            and its `representation` names what that output holds. Its dtype policy and the strategy that made it may
            be any.
        path: where to write, ".../<name>/<version>", with the version an integer: TensorFlow Serving's own layout.

    Returns:
        The path.

    Raises:
        TypeError: if the model has no such encoder.
        ValueError: if the version is not a positive integer.
        FileExistsError: if the version exists. A version that may be in use is never overwritten.
    """
    path = Path(path)
    encoder = _checked_encoder(model)
    _check_version(path)

    # Plain copies of the values. TensorFlow Serving cannot restore the variables of a Keras object held by a tf.Module
    # (tensorflow/tensorflow#72963), and those made under a strategy are spread over its devices.
    module = tf.Module(name="encoder")
    module.values = [
        tf.Variable(keras.ops.convert_to_numpy(v), trainable=False, dtype=v.dtype, name=v.path)
        for v in encoder.variables
    ]
    encode = _stateless(model, module.values)
    image_shape = encoder.input_shape[1:]
    # Traced before anything is written.
    signatures = {name: make(encode, image_shape).get_concrete_function() for name, make in SIGNATURES.items()}

    # TensorFlow Serving, which watches the folder, ignores names that are not integers.
    with written_whole(path) as beside:
        tf.saved_model.save(module, str(beside), signatures=signatures)
    return path


def _serving_default(encode: Encode, image_shape: tuple[int, ...]) -> tf.types.experimental.PolymorphicFunction:
    """images: float32 [B, H, W, C] in [0, 1]."""
    spec = tf.TensorSpec((None, *image_shape), tf.float32, name="images")
    return tf.function(encode, input_signature=[spec], autograph=False)


def _encode_uint8(encode: Encode, image_shape: tuple[int, ...]) -> tf.types.experimental.PolymorphicFunction:
    """images: uint8 [B, H, W, C] in 0..255."""

    def encode_uint8(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return encode(tf.cast(images, tf.float32) / 255.0)

    spec = tf.TensorSpec((None, *image_shape), tf.uint8, name="images")
    return tf.function(encode_uint8, input_signature=[spec], autograph=False)


SIGNATURES = {"serving_default": _serving_default, "encode_uint8": _encode_uint8}


def load_saved_model(path: str | os.PathLike) -> "SavedEncoder":
    """The encoder in a SavedModel's folder, as a function of images.

    Raises:
        ValueError: if the folder is not a SavedModel, or is one without an encoder's signature.
    """
    path = Path(path)
    if not tf.saved_model.contains_saved_model(str(path)):
        found = versions(path)
        hint = f"It holds the versions {found}: add one to the path." if found else "Write one with export_encoder."
        raise ValueError(f"Expected the folder of a SavedModel (with saved_model.pb). Received: path='{path}'. {hint}")
    return SavedEncoder(path)


class SavedEncoder:
    """A SavedModel's `serving_default`: images -> {"mean": float32 [B, D], "log_variance": float32 [B, D]}.

    Args:
        path: the folder of a SavedModel. `load_saved_model` explains what is wrong with one that is not.
    """

    def __init__(self, path: Path):
        self.path = path
        # A signature holds its variables weakly: without this reference they are gone at the first call.
        self._saved_model = tf.saved_model.load(str(path))
        self._signature = self._saved_model.signatures.get("serving_default")
        inputs = dict(self._signature.structured_input_signature[1]) if self._signature else {}
        outputs = dict(self._signature.structured_outputs) if self._signature else {}
        specs = list(inputs.values())
        if len(specs) != 1 or specs[0].dtype != tf.float32 or specs[0].shape.rank != 4 or "mean" not in outputs:
            raise ValueError(
                "Expected a signature serving_default from one float32 input [B, H, W, C] to an output 'mean' [B, D]. "
                f"Received: inputs={inputs}, outputs={outputs} in {path}"
            )
        ((self._input, spec),) = inputs.items()
        self.image_shape = tuple(spec.shape[1:])
        self.latent_dim = outputs["mean"].shape[-1]

    def __call__(self, images: np.ndarray | tf.Tensor) -> dict[str, tf.Tensor]:
        """Encodes images, float [B, H, W, C] in [0, 1] (the range is checked in eager calls)."""
        images = tf.convert_to_tensor(images)
        if not images.dtype.is_floating:
            raise TypeError(
                f"Expected floating-point images in [0, 1]. Received: images.dtype={images.dtype.name}. "
                "Divide pixels in 0..255 by 255."
            )
        if not images.shape.is_compatible_with((None, *self.image_shape)):
            expected = ", ".join("?" if size is None else str(size) for size in self.image_shape)
            raise ValueError(f"Expected images of shape [B, {expected}]. Received: images.shape={list(images.shape)}")
        images = tf.cast(images, tf.float32)
        if tf.executing_eagerly():
            low, high = float(tf.reduce_min(images)), float(tf.reduce_max(images))
            # A resized image may pass the bounds by rounding. The form of the comparison catches NaN too.
            if not (low >= -1e-5 and high <= 1 + 1e-5):
                raise ValueError(f"Expected images in [0, 1]. Received: values from {low:g} to {high:g}")
        return self._signature(**{self._input: images})


def versions(folder: str | os.PathLike) -> list[int]:
    """The versions exported into a folder ".../<name>", ascending; folders half written are not among them."""
    folder = Path(folder)
    names = [entry.name for entry in folder.iterdir() if entry.is_dir()] if folder.is_dir() else []
    return sorted(int(name) for name in names if _is_version(name))


def _is_version(name: str) -> bool:
    return name.isascii() and name.isdecimal() and not name.startswith("0")


def _check_version(path: Path) -> None:
    if not _is_version(path.name):
        raise ValueError(f"Expected a path that ends in a version, a positive integer. Received: path='{path}'")
    if path.exists():
        free = max(versions(path.parent), default=0) + 1
        raise FileExistsError(f"Expected a new version. Received: path='{path}', which exists. The next one is {free}.")


def _checked_encoder(model: keras.Model) -> keras.Model:
    encoder = getattr(model, "encoder", None)
    if not isinstance(encoder, keras.Model) or not hasattr(model, "representation"):
        raise TypeError(
            f"Expected a model of tfvae, with a Keras network `encoder`. Received: model={type(model).__name__}, "
            f"encoder={type(encoder).__name__}"
        )
    # A Keras model without a keras.Input has no shapes.
    inputs: tuple = getattr(encoder, "input_shape", ())
    outputs: tuple = getattr(encoder, "output_shape", ())
    if len(inputs) != 4 or len(outputs) != 2:
        raise TypeError(f"Expected a built encoder, [B, H, W, C] -> [B, P]. Received: {inputs} -> {outputs}")
    return encoder


def _stateless(model: keras.Model, values: list[tf.Variable]) -> Encode:
    """The model's representation as a function that reads `values` in place of the encoder's own variables."""
    encoder = model.encoder
    value_of = {id(variable): value for variable, value in zip(encoder.variables, values, strict=True)}
    trainable = [value_of[id(variable)] for variable in encoder.trainable_variables]
    non_trainable = [value_of[id(variable)] for variable in encoder.non_trainable_variables]

    def encode(images: tf.Tensor) -> dict[str, tf.Tensor]:
        parameters, _ = encoder.stateless_call(trainable, non_trainable, images, training=False)
        return model.representation(parameters)

    return encode
