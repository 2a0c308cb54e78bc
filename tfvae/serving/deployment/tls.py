"""ssl.config, by which TensorFlow Serving's gRPC port speaks TLS."""

import os
from pathlib import Path

from google.protobuf import text_encoding

from tfvae.files.atomic import written_whole


def write_ssl_config(
    output: str | os.PathLike,
    certificate: str | os.PathLike,
    key: str | os.PathLike,
    client_ca: str | os.PathLike | None = None,
) -> Path:
    """Writes <output>/tls/ssl.config, which holds the private key and can be read by you alone.

    Args:
        output: the folder of `write_configuration`.
        certificate, key: PEM files of the server.
        client_ca: a PEM file. With it, only clients with a certificate of this authority may connect.

    Returns:
        Its path.

    Raises:
        ValueError: if a file is not PEM of its kind.
        OSError: if a file cannot be read.
    """
    fields = {"server_key": _pem(key, "PRIVATE KEY"), "server_cert": _pem(certificate, "CERTIFICATE")}
    if client_ca is not None:
        fields["custom_ca"] = _pem(client_ca, "CERTIFICATE")
    lines = [f'{name}: "{text_encoding.CEscape(value, as_utf8=False)}"' for name, value in fields.items()]
    if client_ca is not None:
        lines.append("client_verify: true")
    path = Path(output, "tls", "ssl.config")
    with written_whole(path) as beside:
        os.close(os.open(beside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        beside.write_text("\n".join(lines) + "\n")
    return path


def _pem(path: str | os.PathLike, kind: str) -> str:
    text = Path(path).read_text(encoding="ascii", errors="replace")
    if "-----BEGIN " not in text or f"{kind}-----" not in text:
        raise ValueError(f"Expected a PEM file with a {kind}. Received: {os.fspath(path)}")
    return text
