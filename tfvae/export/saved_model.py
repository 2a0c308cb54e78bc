"""Encoders and decoders as SavedModels that need TensorFlow alone, written for TensorFlow Serving."""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.core.protobuf import fingerprint_pb2

from tfvae.export.decoder_signatures import decoder_signatures
from tfvae.export.encoder_signatures import encoder_signatures
from tfvae.export.provenance import NAME as PROVENANCE
from tfvae.export.provenance import Provenance
from tfvae.export.signature import Signature
from tfvae.export.versions import check_version
from tfvae.export.warmup import write_warmup
from tfvae.files.atomic import written_whole
from tfvae.files.manifest import write_manifest


def export_encoder(model: keras.Model, path: str | os.PathLike, *, provenance: Provenance | None = None) -> Path:
    """Writes q(z | x) as a SavedModel that tf.saved_model.load and TensorFlow Serving load.

    Each of its signatures (`encoder_signatures`) maps a batch of any size to the model's representation by name: that
    of a VAE is {"mean": float32 [B, D], "log_variance": float32 [B, D]}; `sample` gives draws from it. Beside them are
    requests that warm the server up, the provenance, and a manifest of all files.

    The same encoder gives the same `tf.saved_model.experimental.read_fingerprint(path).singleprint()`, and in a fresh
    process also the same bytes; within one, TensorFlow numbers its functions on.

    Args:
        model: a `tfvae.models.Model`: its `encoder` is a built Keras network, images [B, H, W, C] in [0, 1] -> [B, P],
            and its `representation` names what that output holds. Its dtype policy and the strategy that made it may
            be any.
        path: where to write, ".../<name>/<version>", with the version an integer: TensorFlow Serving's own layout.
        provenance: what is known of how the model came to be.

    Returns:
        The path.

    Raises:
        TypeError: if the model has no such encoder.
        ValueError: if the version is not a positive integer.
        FileExistsError: if the version exists. A version that may be in use is never overwritten.
    """
    path = Path(path)
    encoder = _checked_encoder(model)
    check_version(path)
    values = _plain(encoder.variables)

    def encode(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return model.representation(encoder(images, training=False))

    signatures = encoder_signatures(
        _reading(encoder.variables, values, encode),
        encoder.input_shape[1:],
        stddev=getattr(model, "code_stddev", None),
    )
    _write(path, model, "encoder", values, signatures, provenance)
    return path


def export_decoder(model: keras.Model, path: str | os.PathLike, *, provenance: Provenance | None = None) -> Path:
    """Writes the mean image of p(x | z) as a SavedModel, see `export_encoder`.

    Its signatures are those of `decoder_signatures`. A server needs a name for each model, so by custom the decoder of
    <name>/<version> is <name>-decoder/<version>. An InfoGAN's noise is the one draw that `InfoGAN.decode` takes.

    Args:
        model: a `tfvae.models.Model` with a `decoder` or a `generator`, and a method `decode`.
        path, provenance: as in `export_encoder`.

    Returns:
        The path.

    Raises:
        TypeError: if the model has no decoder.
        ValueError, FileExistsError: as `export_encoder`.
    """
    path = Path(path)
    network = getattr(model, "decoder", getattr(model, "generator", None))
    if not isinstance(network, keras.Model) or not hasattr(model, "decode"):
        raise TypeError(f"Expected a model of tfvae with a decoder or a generator. Received: {type(model).__name__}")
    check_version(path)
    variables = [*network.variables, *model.own_variables]
    values = _plain(variables)

    def decode(codes: tf.Tensor) -> tf.Tensor:
        return tf.cast(model.decode(codes), tf.float32)

    categories = getattr(model, "categories", 0)
    signatures = decoder_signatures(
        _reading(variables, values, decode), model.latent_dim, categories, network.output_shape[1:]
    )
    _write(path, model, "decoder", values, signatures, provenance)
    return path


def _plain(variables: Sequence[keras.Variable]) -> list[tf.Variable]:
    """Plain copies of the values.

    TensorFlow Serving cannot restore the variables of a Keras object held by a tf.Module (tensorflow/tensorflow#72963),
    and those made under a strategy are spread over its devices.
    """
    return [tf.Variable(keras.ops.convert_to_numpy(v), trainable=False, dtype=v.dtype, name=v.path) for v in variables]


def _reading(
    variables: Sequence[keras.Variable], values: Sequence[tf.Variable], function: Callable[[tf.Tensor], Any]
) -> Callable[[tf.Tensor], Any]:
    """The function, that reads `values` in place of the Keras variables, and takes a batch without rows."""

    def reading(inputs: tf.Tensor) -> Any:
        # oneDNN's fused convolutions fail for no rows, so there is always one, which is taken away again.
        rows = tf.shape(inputs)[0]
        further = tf.cast(rows == 0, tf.int32)
        inputs = tf.pad(inputs, [[0, further], *[[0, 0]] * (inputs.shape.rank - 1)])
        with keras.StatelessScope(zip(variables, values, strict=True)):
            outputs = function(inputs)
        return tf.nest.map_structure(lambda output: output[:rows], outputs)

    return reading


def _write(
    path: Path,
    model: keras.Model,
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
    """Puts a UUID that follows from the fingerprint in place of TensorFlow's random one."""
    fingerprint = fingerprint_pb2.FingerprintDef.FromString(path.read_bytes())
    fingerprint.uuid = ""
    fingerprint.uuid = str(uuid.uuid5(uuid.NAMESPACE_OID, fingerprint.SerializeToString(deterministic=True).hex()))
    path.write_bytes(fingerprint.SerializeToString(deterministic=True))


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
