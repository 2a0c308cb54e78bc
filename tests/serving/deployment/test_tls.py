import stat

import pytest
from google.protobuf import text_format, wrappers_pb2

from tfvae.serving.deployment.tls import write_ssl_config


@pytest.fixture
def pair(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n")
    certificate.write_text("-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n")
    return certificate, key


@pytest.mark.parametrize("with_ca", [False, True])
def test_the_file_holds_the_key_and_the_certificate_for_you_alone(pair, tmp_path, with_ca):
    certificate, key = pair
    path = write_ssl_config(tmp_path / "out", certificate, key, certificate if with_ca else None)
    assert path == tmp_path / "out" / "tls" / "ssl.config"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    # The fields of ssl_config.proto: a string each, and a bool.
    lines = dict(line.split(": ", 1) for line in path.read_text().splitlines())
    assert set(lines) == {"server_key", "server_cert"} | ({"custom_ca", "client_verify"} if with_ca else set())
    for name, source in (("server_key", key), ("server_cert", certificate)):
        parsed = text_format.Parse(f"value: {lines[name]}", wrappers_pb2.StringValue())
        assert parsed.value == source.read_text()


def test_other_files_are_refused(pair, tmp_path):
    certificate, key = pair
    for arguments in ((key, certificate), (certificate, certificate), (key, key), (certificate, key, key)):
        with pytest.raises(ValueError, match=r"Expected a PEM file with a (CERTIFICATE|PRIVATE KEY). Received: "):
            write_ssl_config(tmp_path / "out", *arguments)
    assert not (tmp_path / "out").exists()
