import grpc
import pytest

from tfvae.serving import ServingError
from tfvae.serving.errors import errors_as_codes


def test_a_message_that_quotes_a_requests_bytes_is_an_invalid_argument():
    with pytest.raises(ServingError, match=r"Received: .* bytes") as caught, errors_as_codes():
        b"Received: \xcf\xeb bytes".decode()
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
