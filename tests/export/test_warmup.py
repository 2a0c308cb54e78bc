import pytest
from google.protobuf.wrappers_pb2 import BytesValue

from tfvae.export.warmup import _field


@pytest.mark.parametrize("length", [1, 127, 128, 129, 2**14 - 1, 2**14, 2**21])
def test_a_field_is_written_as_protocol_buffers_write_it(length):
    assert _field(1, bytes(length)) == BytesValue(value=bytes(length)).SerializeToString()
