"""What the answer to a request must be, and the checks of what came."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef

from tfvae.serving.errors import ServingError

MOST = 64 * 2**20  # bytes of an answer, if a client does not say otherwise
MOST_METADATA = 4 * 2**20  # bytes of signatures and states
_AROUND = 64 * 2**10  # bytes around the numbers: names, brackets, the model's name

Answer = tuple[int | None, dict[str, np.ndarray]]  # the version that gave it, if known, and the outputs


@dataclass(frozen=True)
class Output:
    """What a signature says of an output.

    Args:
        dtype: its dtype.
        shape: its shape with the batch; None where it is open, and for an unknown rank.
    """

    dtype: tf.DType
    shape: tuple[int | None, ...] | None


Outputs = Mapping[str, Output]


class OtherOutputsError(ServingError):
    """An answer that does not have the outputs of the signature, which a newer version may have changed.

    Args:
        version: the version that gave it, if known.
    """

    def __init__(self, message: str, version: int | None = None):
        super().__init__(grpc.StatusCode.INTERNAL, message)
        self.version = version


@dataclass(frozen=True)
class Expected:
    """The answer to a request, as far as it is known.

    Args:
        rows: of the request, and so of each output.
        outputs: of the signature; None if the server does not report them.
        most: the largest answer, in bytes.
        finite: whether NaN and infinity are refused.
    """

    rows: int
    outputs: Outputs | None
    most: int
    finite: bool = True

    def limit(self, bytes_of_number: int) -> int:
        """How many bytes the answer may have: those of its numbers where the signature says how many."""
        numbers = 0
        for output in (self.outputs or {"": Output(tf.string, None)}).values():
            if output.shape is None or None in output.shape[1:] or output.dtype == tf.string:
                return self.most
            numbers += self.rows * int(np.prod([int(size or 0) for size in output.shape[1:]], dtype=object))
        return min(self.most, _AROUND + bytes_of_number * numbers)

    def check_names(self, names: Collection[str]) -> None:
        if not names or (self.outputs is not None and set(names) != set(self.outputs)):
            expected = "outputs" if self.outputs is None else sorted(self.outputs)
            raise OtherOutputsError(f"Expected an answer with {expected}. Received: {_short(sorted(names))}")

    def check_tensor(self, name: str, shape: tuple[int, ...], dtype: tf.DType | None = None) -> None:
        """Checks what a tensor says of itself, before its values are read."""
        if not shape or shape[0] != self.rows:
            raise wrong(f"Expected {self.rows} rows of {name}. Received: shape={_short(list(shape))}")
        if self.outputs is None:
            return
        output = self.outputs[name]
        if dtype is not None and dtype != output.dtype:
            raise OtherOutputsError(f"Expected {name} of dtype {output.dtype.name}. Received: dtype={dtype.name}")
        if output.shape is not None and not (
            len(shape) == len(output.shape)
            and all(size in (None, found) for size, found in zip(output.shape[1:], shape[1:], strict=True))
        ):
            sizes = ", ".join("?" if size is None else str(size) for size in output.shape[1:])
            raise OtherOutputsError(f"Expected {name} of shape [B, {sizes}]. Received: shape={_short(list(shape))}")

    def check_values(self, name: str, array: np.ndarray) -> None:
        if not self.finite or array.dtype.kind not in "fV":  # V: bfloat16
            return
        finite = np.isfinite(array)
        if not finite.all():
            rows = np.flatnonzero(~finite.reshape(len(array), -1).all(1))
            raise wrong(
                f"Expected finite values of {name}; Client(..., finite=False) accepts others. "
                f"Received: NaN or infinity in {len(rows)} of {len(array)} rows, first in row {rows[0]}"
            )


def outputs_of(signature: SignatureDef) -> dict[str, Output]:
    """The outputs of a signature by name."""
    return {
        name: Output(
            tf.dtypes.as_dtype(info.dtype),
            None
            if info.tensor_shape.unknown_rank
            else tuple(dim.size if dim.size >= 0 else None for dim in info.tensor_shape.dim),
        )
        for name, info in signature.outputs.items()
    }


def check_agreement(parts: Collection[Mapping[str, np.ndarray]]) -> None:
    """Checks that parts of one result have the same names, widths and dtypes.

    Raises:
        ServingError: INTERNAL, if they differ.
    """
    found = {tuple((name, *part[name].shape[1:], part[name].dtype.name) for name in sorted(part)) for part in parts}
    if len(found) != 1:
        raise wrong(f"Expected the same outputs for all images. Received: {_short(sorted(map(str, found)))}")


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Raises any error in its block, which reads what a server sent, as a ServingError."""
    try:
        yield
    except ServingError:
        raise
    except Exception as error:
        raise wrong(f"Expected {what}. Received: {type(error).__name__}: {error}") from error


def wrong(message: str) -> ServingError:
    """The error of an answer that is not what was asked for."""
    return ServingError(grpc.StatusCode.INTERNAL, message)


def too_large(limit: int, received: int | str) -> ServingError:
    """The error of an answer with too many bytes."""
    return ServingError(
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        f"Expected an answer of at most {limit:,} bytes: those of the signature's outputs, and at most Client's "
        f"max_answer_bytes. Received: {received} bytes",
    )


def _short(value: object) -> str:
    return f"{value!r:.200}"
