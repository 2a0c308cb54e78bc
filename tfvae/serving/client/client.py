"""A client of TensorFlow Serving that sends images and gets codes."""

import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tqdm import tqdm

from tfvae.serving.client.over_grpc import Grpc
from tfvae.serving.client.over_rest import Rest
from tfvae.serving.client.pictures import Pictures
from tfvae.serving.errors import ServingError

Images = np.ndarray | Sequence[str | os.PathLike | bytes]
Input = Images | Pictures
Answer = tuple[int | None, dict[str, np.ndarray]]  # the version that gave it, if known, and the outputs
Result = TypeVar("Result")
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 5.0  # seconds


class Client:
    """Encodes images with a server; several threads may use it at once.

    Transient errors (UNAVAILABLE, ABORTED; REST: 429, 502, 503, or no connection) are retried, after random waits of up
    to 0.1, 0.2, 0.4, ... 5 seconds. That is safe: the same request always has the same answer. All other errors are
    raised at once as `ServingError`, with the server's message.

    Args:
        address: "host:port" of gRPC, or "http://host:port" (or https) of REST. gRPC is several times faster.
        model: the model to ask, for calls that do not name one.
        timeout: seconds for each request with all of its attempts.
        attempts: how often a request is sent at most.
        batch_size: images in a request; at most the server's max_batch_size, which is 64 in the configuration that
            tfvae deploy writes.
        in_flight: requests at the same time.
        credentials: of grpc, for a server with TLS; by default there is no TLS.
    """

    def __init__(
        self,
        address: str,
        model: str | None = None,
        *,
        timeout: float = 60.0,
        attempts: int = 5,
        batch_size: int = 64,
        in_flight: int = 4,
        credentials: grpc.ChannelCredentials | None = None,
    ):
        for name, value in (("attempts", attempts), ("batch_size", batch_size), ("in_flight", in_flight)):
            if value < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {name}={value}")
        self.model = model
        self.timeout = timeout
        self.attempts = attempts
        self.batch_size = batch_size
        self.in_flight = in_flight
        rest = address.startswith(("http://", "https://"))
        self._server: Rest | Grpc = Rest(address, in_flight) if rest else Grpc(address, credentials)
        self.address = address

    def encode(
        self,
        images: Images,
        *,
        model: str | None = None,
        version: int | None = None,
        label: str | None = None,
        progress: bool | None = None,
    ) -> dict[str, np.ndarray]:
        """The codes of images, in their order.

        Args:
            images: float [B, H, W, C] in [0, 1]; uint8 [B, H, W, C]; or paths (or contents) of picture files, which
                the server decodes and resizes. Those that it would not read as the data set `folder:` does are sent as
                PNG files: other formats, and photos that their EXIF data turn.
            model: by default the client's.
            version: by default the newest. If a newer one takes over meanwhile, the images that the old one encoded are
                sent again, so that all codes are from one model. REST does not report the version: name one there.
            label: instead of a version, such as "stable".
            progress: whether to show a bar; by default for more than 16 requests on a terminal.

        Returns:
            By name, for a VAE {"mean": float32 [B, D], "log_variance": float32 [B, D]}.

        Raises:
            ServingError: the server's error, or that it could not be reached.
            ValueError, TypeError: if images is something else, or a file that is not a picture.
            OSError: if a file cannot be read.
        """
        signature, inputs = _checked(images)
        return self.predict(signature, inputs, model=model, version=version, label=label, progress=progress)

    def predict(
        self,
        signature: str,
        inputs: Mapping[str, Input],
        *,
        model: str | None = None,
        version: int | None = None,
        label: str | None = None,
        progress: bool | None = None,
    ) -> dict[str, np.ndarray]:
        """The outputs of a signature for inputs, whose first dimensions are the batch. They are split as in `encode`.

        The contents of files are sent as they are; `Pictures` are prepared as in `encode`.

        Raises: as `encode`.
        """
        spec = self._spec(model, version, label, signature)
        lengths = {name: len(value) for name, value in inputs.items()}
        if len(set(lengths.values())) != 1 or 0 in lengths.values():
            raise ValueError(f"Expected inputs of one length, of at least 1. Received: {lengths}")
        length = next(iter(lengths.values()))
        rows = range(length)
        todo = [rows[start : start + self.batch_size] for start in rows[:: self.batch_size]]
        answers: dict[range, Answer] = {}
        with _bar(length, len(todo), progress) as bar:
            for _ in range(self.attempts):
                answers |= self._answers(spec, inputs, todo, bar)
                (*_, (last, _)) = answers.values()
                todo = [part for part, (number, _) in answers.items() if number != last]
                if not todo:
                    break
                bar.update(-sum(map(len, todo)))
            else:
                raise ServingError(grpc.StatusCode.ABORTED, f"{spec.name} changed its version during the request.")
        parts = [outputs for _, outputs in answers.values()]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def metadata(
        self, model: str | None = None, *, version: int | None = None, label: str | None = None
    ) -> tuple[int, dict[str, SignatureDef]]:
        """The number of the version that answers, and its signatures by name."""
        spec = self._spec(model, version, label)
        return self._again(lambda timeout: self._server.metadata(spec, timeout))

    def status(self, model: str | None = None) -> dict[int, str]:
        """The state of each version that the server knows: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END"."""
        spec = self._spec(model, None, None)
        return self._again(lambda timeout: self._server.status(spec, timeout))

    def close(self) -> None:
        self._server.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _spec(self, model: str | None, version: int | None, label: str | None, signature: str = "") -> ModelSpec:
        model = self.model if model is None else model
        if not model:
            raise ValueError('Expected the name of a model. Received: model=None. Client(address, "NAME") sets one.')
        if version is not None and label is not None:
            raise ValueError(f"Expected a version or a label. Received: version={version}, label='{label}'")
        spec = ModelSpec(name=model, signature_name=signature)
        if version is not None:
            spec.version.value = version
        if label is not None:
            spec.version_label = label
        return spec

    def _answers(self, spec: ModelSpec, inputs: Mapping[str, Input], parts: list[range], bar: tqdm) -> dict:
        """The server's answer to each part of the inputs; after an error, nothing more is sent."""

        def ask(part: range) -> Answer:
            arrays = {name: _array(value[part.start : part.stop]) for name, value in inputs.items()}
            try:
                return self._again(lambda timeout: self._server.predict(spec, arrays, timeout))
            except ServingError as error:
                which = f" (items {part[0]} to {part[-1]})"
                raise ServingError(error.code, error.message + which, temporary=error.temporary) from error

        answers = {}
        with ThreadPoolExecutor(min(self.in_flight, len(parts)), thread_name_prefix="serving") as pool:
            futures = [pool.submit(ask, part) for part in parts]
            try:
                for part, future in zip(parts, futures, strict=True):
                    answers[part] = future.result()
                    bar.update(len(part))
            finally:
                for future in futures:
                    future.cancel()
        return answers

    def _again(self, call: Callable[[float], Result]) -> Result:
        """Calls with the seconds that remain, and calls again after a transient error."""
        deadline = time.monotonic() + self.timeout
        attempt = 1
        while True:
            try:
                return call(max(deadline - time.monotonic(), 1e-3))
            except ServingError as error:
                pause = random.uniform(0, min(_FIRST_WAIT * 2 ** (attempt - 1), _LONGEST_WAIT))
                if not error.temporary or attempt == self.attempts or time.monotonic() + pause >= deadline:
                    raise
                attempt += 1
                time.sleep(pause)


def _checked(images: Images) -> tuple[str, dict[str, Input]]:
    """The signature for such images, and its input."""
    if isinstance(images, str | bytes | os.PathLike):
        raise TypeError(f"Expected a list of paths. Received one: {images!r:.80}")
    if isinstance(images, Sequence) and images and isinstance(images[0], str | bytes | os.PathLike):
        return "encode_bytes", {"image_bytes": Pictures(images)}
    array = np.asarray(images)
    if array.ndim != 4:
        raise ValueError(f"Expected images [B, H, W, C], or paths. Received: images.shape={list(array.shape)}")
    if array.dtype == np.uint8:
        return "encode_uint8", {"images": array}
    if not np.issubdtype(array.dtype, np.floating):
        raise TypeError(f"Expected images of floats in [0, 1] or of uint8. Received: images.dtype={array.dtype}")
    low, high = array.min(initial=0), array.max(initial=0)
    # Rounding may take a resized image out of the bounds. This form of the comparison is false for NaN too.
    if not (low >= -1e-5 and high <= 1 + 1e-5):
        raise ValueError(f"Expected images in [0, 1]. Received: values from {low:g} to {high:g}")
    return "serving_default", {"images": array.astype(np.float32, copy=False)}


def _array(values: Images) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    array = np.empty(len(values), object)
    array[:] = [value if isinstance(value, bytes) else Path(value).read_bytes() for value in values]
    return array


def _bar(images: int, requests: int, progress: bool | None) -> tqdm:
    # With None, tqdm shows a bar only on a terminal.
    hidden = not progress if progress is not None else (None if requests > 16 else True)
    return tqdm(total=images, unit="image", unit_scale=True, disable=hidden)
