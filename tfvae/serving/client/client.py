"""A client of TensorFlow Serving that sends images and gets codes."""

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed

import grpc
import numpy as np
from tensorflow.core.protobuf.meta_graph_pb2 import SignatureDef
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tqdm import tqdm

from tfvae.serving.client import address as addresses
from tfvae.serving.client.answers import MOST, Answer, Expected, OtherOutputsError, check_agreement
from tfvae.serving.client.calls import Call
from tfvae.serving.client.inputs import Images, Input, checked, to_array
from tfvae.serving.client.over_grpc import Grpc
from tfvae.serving.client.over_rest import Rest
from tfvae.serving.client.signatures import Signatures
from tfvae.serving.errors import ServingError


class Client:
    """Encodes images with a server; several threads may use it at once.

    Every answer is checked before its codes are returned: the model, version and signature that answered (over gRPC);
    the names, widths and dtypes of the signature's outputs; a row for each image; finite values; and that all parts of
    a call agree. Whatever a server sends, and whatever happens to a connection, the error is a `ServingError`.

    Transient errors (UNAVAILABLE, ABORTED; REST: 429, 502, 503, or a connection that is lost or cannot be made) are
    retried, after random waits of up to 0.1, 0.2, 0.4, ... 5 seconds. That is safe: the same request always has the
    same answer. After any other error no further request of the call starts.

    The proxies of the environment (http_proxy, https_proxy, no_proxy; for gRPC also grpc_proxy) are used for both
    protocols, but never for a server on this machine. Redirects are not followed, and answers are not compressed.

    Args:
        address: "host:port" or "grpc://host:port" of gRPC, or "http://host:port" (or https) of REST. gRPC is several
            times faster. A URL of the REST API may also name the model: "http://host:8501/v1/models/NAME:predict".
        model: the model to ask, for calls that do not name one.
        timeout: seconds for a whole call, with all of its requests and attempts. By default, each request has 60
            seconds with its attempts, however many requests a call has.
        attempts: how often a request is sent at most.
        batch_size: images in a request; at most the server's max_batch_size, which is 64 in the configuration that
            tfvae deploy writes.
        in_flight: requests at the same time.
        credentials: of grpc, for a server with TLS; by default there is no TLS.
        finite: whether NaN and infinity in an answer are an error.
        max_answer_bytes: the largest answer to a request, in bytes. Where the signature says how many numbers an answer
            has, it is also bounded by those: 16 bytes for each over gRPC and 32 over REST, and 64 KiB.

    Raises:
        ValueError, TypeError: for an address or another argument that cannot be used.

    Examples:
        >>> from tfvae.serving import Client
        >>> from tfvae.serving.local.server import LocalServer  # for an example: a server is another process or machine
        >>> path = tfvae.export_encoder(tfvae.create("vae", (16, 16, 1), latent_dim=2), "served/small/1")
        >>> with LocalServer("served") as server, Client(server.grpc_address, "small") as client:
        ...     client.encode(np.zeros([3, 16, 16, 1], np.float32))["mean"].shape
        (3, 2)
    """

    def __init__(
        self,
        address: str,
        model: str | None = None,
        *,
        timeout: float | None = None,
        attempts: int = 5,
        batch_size: int = 64,
        in_flight: int = 4,
        credentials: grpc.ChannelCredentials | None = None,
        finite: bool = True,
        max_answer_bytes: int = MOST,
    ):
        for name, value in (
            ("attempts", attempts),
            ("batch_size", batch_size),
            ("in_flight", in_flight),
            ("max_answer_bytes", max_answer_bytes),
        ):
            if value < 1:
                raise ValueError(f"Expected {name} of at least 1. Received: {name}={value}")
        if timeout is not None and not timeout > 0:
            raise ValueError(f"Expected timeout in seconds, or None. Received: timeout={timeout}")
        where = addresses.parse(address)
        if where.model and model not in (None, where.model):
            raise ValueError(f"Expected the model of the address, {where.model!r}. Received: model={model!r}")
        if where.rest and credentials is not None:
            raise ValueError("Expected credentials with an address of gRPC; https:// has its own TLS.")
        self.address = address
        self.model = model or where.model
        self.timeout = timeout
        self.attempts = attempts
        self.batch_size = batch_size
        self.in_flight = in_flight
        self.finite = finite
        self.max_answer_bytes = max_answer_bytes
        self._server: Rest | Grpc = Rest(where) if where.rest else Grpc(where, credentials, max_answer_bytes)
        self._signatures = Signatures(self._server)

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
            ServingError: the server's error, that it could not be reached, or that its answer is not as expected.
            ValueError, TypeError: if images is something else, or a file that is not a picture.
            OSError: if a file cannot be read.
        """
        signature, inputs = checked(images)
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
        call = Call(self.timeout, self.attempts)
        call.send(lambda seconds: self._signatures.outputs(spec, seconds))  # once, not in each thread
        answers: dict[range, Answer] = {}
        with _bar(length, len(todo), progress) as bar:
            for _ in range(self.attempts):
                found, last = self._answers(call, spec, inputs, todo, bar)
                answers |= found
                todo = [part for part, (number, _) in answers.items() if number != last]
                if not todo:
                    break
                bar.update(-sum(map(len, todo)))
            else:
                raise ServingError(grpc.StatusCode.ABORTED, f"{spec.name} changed its version during the request.")
        parts = [outputs for _, outputs in answers.values()]
        check_agreement(parts)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def metadata(
        self, model: str | None = None, *, version: int | None = None, label: str | None = None
    ) -> tuple[int, dict[str, SignatureDef]]:
        """The number of the version that answers, and its signatures by name."""
        spec = self._spec(model, version, label)
        return Call(self.timeout, self.attempts).send(lambda seconds: self._server.metadata(spec, seconds))

    def status(self, model: str | None = None) -> dict[int, str]:
        """The state of each version that the server knows: "START", "LOADING", "AVAILABLE", "UNLOADING" or "END"."""
        spec = self._spec(model, None, None)
        return Call(self.timeout, self.attempts).send(lambda seconds: self._server.status(spec, seconds))

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

    def _answers(
        self, call: Call, spec: ModelSpec, inputs: Mapping[str, Input], parts: list[range], bar: tqdm
    ) -> tuple[dict[range, Answer], int | None]:
        """The server's answer to each part of the inputs, in their order, and the version that answered last."""

        def ask(part: range) -> Answer:
            try:
                arrays = {name: to_array(value[part.start : part.stop]) for name, value in inputs.items()}
                return call.send(self._request(call, spec, arrays, len(part)))
            except ServingError as error:
                which = f" (items {part[0]} to {part[-1]})"
                call.fail(ServingError(error.code, error.message + which, temporary=error.temporary))
                raise
            except BaseException as error:
                call.fail(error)
                raise

        pool = ThreadPoolExecutor(min(self.in_flight, len(parts)), thread_name_prefix="serving")
        try:
            futures = {pool.submit(ask, part): part for part in parts}
            found, last = {}, None
            for future in as_completed(futures):
                if future.exception() is not None:
                    raise call.error or AssertionError  # the first: others failed after it
                found[futures[future]] = future.result()
                last, _ = future.result()
                bar.update(len(futures[future]))
            return {part: found[part] for part in parts}, last
        except BaseException as error:
            call.fail(error)
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _request(
        self, call: Call, spec: ModelSpec, arrays: dict[str, np.ndarray], rows: int
    ) -> Callable[[float], Answer]:
        """One attempt. If the outputs of the signature changed since they were asked for, those of now are expected."""

        def request(seconds: float) -> Answer:
            deadline = time.monotonic() + seconds
            outputs = self._signatures.outputs(spec, seconds)
            expected = Expected(rows, outputs, self.max_answer_bytes, self.finite)
            try:
                return self._server.predict(spec, arrays, max(deadline - time.monotonic(), 1e-3), expected)
            except OtherOutputsError as error:
                if self._signatures.changed(spec, error.version, call.begin, deadline - time.monotonic()):
                    return request(deadline - time.monotonic())
                raise

        return request


def _bar(images: int, requests: int, progress: bool | None) -> tqdm:
    # With None, tqdm shows a bar only on a terminal.
    hidden = not progress if progress is not None else (None if requests > 16 else True)
    return tqdm(total=images, unit="image", unit_scale=True, disable=hidden)
