"""Writes encoders and decoders as SavedModels, which need only TensorFlow, for TensorFlow Serving."""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2

from tfvae.export.decoder_signatures import decoder_signatures
from tfvae.export.encoder_signatures import encoder_signatures
from tfvae.export.folders import check_version
from tfvae.export.precision import in_float32
from tfvae.export.provenance import NAME as PROVENANCE
from tfvae.export.provenance import Provenance
from tfvae.export.signature import Signature
from tfvae.export.warmup import write_warmup
from tfvae.files.atomic import written_whole
from tfvae.files.manifest import write_manifest

if TYPE_CHECKING:
    from tfvae.models.base import Model


def export_encoder(model: "Model", path: str | os.PathLike, *, provenance: Provenance | None = None) -> Path:
    """Writes q(z | x) as a SavedModel that tf.saved_model.load and TensorFlow Serving load.

    Each of its signatures (`encoder_signatures`) maps a batch of any size to the model's representation by name: that
    of a VAE is {"mean": float32 [B, D], "log_variance": float32 [B, D]}; `sample` gives draws from it. The folder also
    has requests that warm up the server, the provenance, and a manifest of all files.

    The same encoder gives the same `tf.saved_model.experimental.read_fingerprint(path).singleprint()`, and in a new
    process also the same bytes; within one process, TensorFlow keeps counting its functions.

    Args:
        model: a model of tfvae, made under any strategy. One with a mixed precision is exported in float32, see
            `in_float32`.
        path: the folder to write, ".../<name>/<version>", with an integer as version: the layout of TensorFlow Serving.
        provenance: how the model was made, as far as it is known.

    Returns:
        The path.

    Raises:
        TypeError: if it is not a model of tfvae, or its encoder does not map to [B, P].
        ValueError: if the version is not a positive integer.
        FileExistsError: if the version exists. A version that may be in use is never overwritten.

    Examples:
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2)
        >>> encode = tfvae.load_saved_model(tfvae.export_encoder(model, "saved_models/mine/1"))
        >>> encode(np.zeros([1, 16, 16, 1]))["mean"].shape
        TensorShape([1, 2])
    """
    path, encoder = Path(path), _checked(model).encoder
    if len(encoder.output_shape) != 2:
        raise TypeError(
            "Expected an encoder [B, H, W, C] -> [B, P], or [B, F] -> [B, P]. "
            f"Received: {type(model).__name__} with {encoder.input_shape} -> {encoder.output_shape}"
        )
    check_version(path)
    model = in_float32(model)
    encoder = model.encoder
    values = _plain(encoder.variables)

    def encode(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return model.representation(encoder(images, training=False))

    read = _reading(encoder.variables, values, encode)
    signatures = encoder_signatures(read, encoder.input_shape[1:], stddev=model.code_stddev, bounded=model.bounded)
    _write(path, model, "encoder", values, signatures, provenance)
    return path


def export_decoder(model: "Model", path: str | os.PathLike, *, provenance: Provenance | None = None) -> Path:
    """Writes the mean of p(x | z), an image or a vector, as a SavedModel, see `export_encoder`.

    Its signatures are those of `decoder_signatures`. A server needs a name for each model: by convention, the decoder
    of <name>/<version> is <name>-decoder/<version>. An InfoGAN's noise is the one draw that `InfoGAN.decode` takes.

    Args:
        model: a model of tfvae that declares `decoding_network` and `decode`.
        path, provenance: as in `export_encoder`.

    Returns:
        The path.

    Raises:
        TypeError: if it is not a model of tfvae, or has no decoder.
        ValueError, FileExistsError: as `export_encoder`.

    Examples:
        >>> path = tfvae.export_decoder(tfvae.create("vae", (16, 16, 1), latent_dim=2), "saved_models/small-decoder/1")
        >>> from tfvae.export import load_decoder
        >>> load_decoder(path)(np.zeros([3, 2])).shape
        TensorShape([3, 16, 16, 1])
    """
    path = Path(path)
    if _checked(model).decode is None or model.decoding_network is None:
        raise TypeError(f"Expected a model with a decoder. Received: {type(model).__name__}, which has none")
    check_version(path)
    model = in_float32(model)
    decode, network = model.decode, getattr(model, model.decoding_network or "")
    assert decode is not None
    variables = [*network.variables, *model.own_variables]
    values = _plain(variables)
    latent_dim = network.input_shape[-1] - model.categories - model.noise_dim

    def decode_codes(codes: tf.Tensor) -> tf.Tensor:
        return tf.cast(decode(codes), tf.float32)

    read = _reading(variables, values, decode_codes)
    signatures = decoder_signatures(read, latent_dim, model.categories, network.output_shape[1:])
    _write(path, model, "decoder", values, signatures, provenance)
    return path


def _checked(model: Any) -> "Model":
    # Imported here, so that reading exports does not import the models: whoever has a model has done so.
    from tfvae.models.base import Model

    if not isinstance(model, Model):
        raise TypeError(f"Expected a model of tfvae. Received: model={type(model).__name__}")
    return model


def _plain(variables: Sequence[keras.Variable]) -> list[tf.Variable]:
    """Plain copies of the values.

    TensorFlow Serving cannot restore the variables of a Keras object in a tf.Module (tensorflow/tensorflow#72963),
    and variables made under a strategy are spread over its devices.
    """
    return [tf.Variable(keras.ops.convert_to_numpy(v), trainable=False, dtype=v.dtype, name=v.path) for v in variables]


def _reading(
    variables: Sequence[keras.Variable], values: Sequence[tf.Variable], function: Callable[[tf.Tensor], Any]
) -> Callable[[tf.Tensor], Any]:
    """The function with `values` in place of the Keras variables, also for a batch without rows."""

    def reading(inputs: tf.Tensor) -> Any:
        # oneDNN's fused convolutions fail without rows, so a row is added then, and its output removed.
        rows = tf.shape(inputs)[0]
        further = tf.cast(rows == 0, tf.int32)
        inputs = tf.pad(inputs, [[0, further], *[[0, 0]] * (inputs.shape.rank - 1)])
        with keras.StatelessScope(zip(variables, values, strict=True)):
            outputs = function(inputs)
        return tf.nest.map_structure(lambda output: output[:rows], outputs)

    return reading


def _write(
    path: Path,
    model: "Model",
    network: str,
    values: list[tf.Variable],
    signatures: Mapping[str, Signature],
    provenance: Provenance | None,
) -> None:
    module = tf.Module(name=network)
    module.values = values
    # Traced before anything is written.
    functions = {name: signature.function.get_concrete_function() for name, signature in signatures.items()}
    # TensorFlow Serving, which watches the folder, ignores names that are not integers.
    with written_whole(path) as beside:
        tf.saved_model.save(module, str(beside), signatures=functions)
        _name_by_content(beside / "fingerprint.pb")
        write_warmup(beside, {name: signature.example for name, signature in signatures.items()})
        content = (provenance or Provenance()).to_json(type(model).__name__, network)
        (beside / PROVENANCE).write_text(content)
        write_manifest(beside)


def _name_by_content(path: Path) -> None:
    """Replaces TensorFlow's random UUID with one that follows from the fingerprint."""
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    fingerprint.uuid = ""
    fingerprint.uuid = str(uuid.uuid5(uuid.NAMESPACE_OID, fingerprint.SerializeToString(deterministic=True).hex()))
    path.write_bytes(fingerprint.SerializeToString(deterministic=True))
