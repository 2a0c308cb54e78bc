"""The error of serving, and the codes of gRPC and HTTP that correspond to each other."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import tensorflow as tf

# As TensorFlow Serving's REST server maps them (http_server.cc).
HTTP_OF_CODE = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
CODE_OF_HTTP = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ABORTED,
    413: grpc.StatusCode.RESOURCE_EXHAUSTED,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    499: grpc.StatusCode.CANCELLED,
    501: grpc.StatusCode.UNIMPLEMENTED,
    502: grpc.StatusCode.UNAVAILABLE,
    503: grpc.StatusCode.UNAVAILABLE,
    504: grpc.StatusCode.DEADLINE_EXCEEDED,
}
CODE_OF_NUMBER = {code.value[0]: code for code in grpc.StatusCode}
# An error is sent in headers, which are 8 KiB at most.
_LONGEST = 2_000


class ServingError(RuntimeError):
    """An error of a server, or on the way to it.

    Args:
        code: grpc.StatusCode, also for REST.
        message: the server's message, cut at 2,000 characters.
        temporary: whether the same request may succeed later.

    Examples:
        >>> from tfvae.serving import Client, ServingError
        >>> with Client("http://localhost:1", "factor_vae-dsprites", attempts=1) as client:
        ...     try:
        ...         client.encode(np.zeros([1, 64, 64, 1], np.float32))
        ...     except ServingError as error:
        ...         print(error.code.name, error.temporary)
        UNAVAILABLE True
    """

    def __init__(self, code: grpc.StatusCode, message: str, *, temporary: bool = False):
        self.code = code
        self.message = message if len(message) <= _LONGEST else message[: _LONGEST - 3] + "..."
        self.temporary = temporary
        super().__init__(f"{code.name}: {self.message}")


def invalid(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.INVALID_ARGUMENT, message)


@contextmanager
def errors_as_codes() -> Iterator[None]:
    """Raises any error in its block as a ServingError, so that a server answers and continues."""
    try:
        yield
    except ServingError:
        raise
    except tf.errors.OpError as error:
        # Python's loader adds where this program read the graph, which is of no use to a client.
        message = error.message.split("\n\nOriginal stack trace")[0]
        raise ServingError(CODE_OF_NUMBER[error.error_code], message) from error
    except UnicodeDecodeError as error:
        # TensorFlow's Python loses the code of an error whose message is not UTF-8: one that quotes bytes of a request.
        raise invalid(error.object.decode(errors="replace")) from error
    except Exception as error:
        raise ServingError(grpc.StatusCode.INTERNAL, f"{type(error).__name__}: {error}") from error
