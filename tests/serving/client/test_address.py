import grpc
import pytest

from tests.serving.client import evil_grpc, evil_rest
from tfvae.serving import Client, ServingError
from tfvae.serving.client.address import parse

GRPC = {
    "localhost:8500": "localhost:8500",
    " localhost:8500\n": "localhost:8500",
    "localhost:8500/": "localhost:8500",
    "grpc://localhost:8500": "localhost:8500",
    "GRPC://10.0.0.1:8500/": "10.0.0.1:8500",
    "[::1]:8500": "[::1]:8500",
    "grpc://[fe80::1]:8500": "[fe80::1]:8500",
    "encoders.default.svc.cluster.local:8500": "encoders.default.svc.cluster.local:8500",
    "dns:8500": "dns:8500",  # a host
    "dns:///encoders:8500": "dns:///encoders:8500",
    "unix:/run/encoders.sock": "unix:/run/encoders.sock",
    "ipv4:10.0.0.1:8500": "ipv4:10.0.0.1:8500",
}
REST = {
    "http://localhost:8501": ("http://localhost:8501", None),
    "http://localhost:8501/": ("http://localhost:8501", None),
    "HTTP://localhost:8501": ("http://localhost:8501", None),
    "https://encoders": ("https://encoders", None),
    "http://[::1]:8501": ("http://[::1]:8501", None),
    "http://host:8501/v1": ("http://host:8501", None),
    "http://host:8501/v1/models": ("http://host:8501", None),
    "http://host:8501/v1/models/vae": ("http://host:8501", "vae"),
    "http://host:8501/v1/models/vae/": ("http://host:8501", "vae"),
    "http://host:8501/v1/models/vae:predict": ("http://host:8501", "vae"),
    "http://host:8501/v1/models/vae/metadata": ("http://host:8501", "vae"),
    "http://host:8501/v1/models/a%20b:predict": ("http://host:8501", "a b"),
    "https://host/encoders/v1/models/vae:predict": ("https://host/encoders", "vae"),
    "https://host/encoders": ("https://host/encoders", None),
}
WRONG = {
    "": "not a host and a port",
    "localhost": "the port is missing, which is 8500",
    "grpc://localhost": "the port is missing",
    "::1:8500": r"\[::1\]:8500",
    "localhost:grpc": "Port could not be cast",
    "localhost:99999": "Port out of range",
    "localhost:0": "not a host and a port",
    ":8500": "not a host and a port",
    "http://": "not a host and a port",
    "local host:8500": "not a host and a port",
    "localhost:8500/v1/models/vae:predict": "a URL begins with http://",
    "http://host:8501/?a=b": "not a host and a port",
    "http://host:8501/v1/models/vae/versions/2:predict": r"encode\(images, version=1\)",
    "http://host:8501/v1/models/vae/labels/stable": r"encode\(images, version=1\)",
    "grpcs://localhost:8500": "ssl_channel_credentials",
    "ftp://localhost:8500": "ftp:// is not known",
    "tcp://localhost:8500": "tcp:// is not known",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ("grpc_proxy", "http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(("text", "target"), GRPC.items())
def test_addresses_of_grpc(text, target):
    found = parse(text)
    assert not found.rest
    assert found.target == found.shown == target


@pytest.mark.parametrize(("text", "expected"), REST.items())
def test_addresses_of_rest(text, expected):
    found = parse(text)
    assert found.rest
    assert (found.target, found.model) == expected


@pytest.mark.parametrize(("text", "reason"), WRONG.items())
def test_other_addresses_are_explained(text, reason):
    with pytest.raises(ValueError, match=rf'Expected an address, "host:8500" .*{reason}'):
        Client(text, "tiny")


def test_an_address_is_a_string():
    with pytest.raises(TypeError, match=r"Expected an address, .* Received: \('localhost', 8500\)"):
        Client(("localhost", 8500), "tiny")


def test_a_password_is_sent_but_not_shown():
    found = parse("http://me:secret@host:8501")
    assert found.target == "http://me:secret@host:8501"
    assert found.shown == "http://host:8501"
    with pytest.raises(ValueError, match="Expected an address") as caught:
        parse("http://me:secret@host:8501/?a")
    assert "secret" not in str(caught.value)


def test_proxies_are_those_of_the_environment_but_never_for_this_machine(environment):
    environment.setenv("http_proxy", "http://me:secret@proxy:3128")
    environment.setenv("no_proxy", "inside,.cluster.local")
    for text in ("host:8500", "http://host:8501"):
        assert parse(text).proxy == "http://me:secret@proxy:3128"
        assert parse(text).via.endswith(
            "host:8500 through the environment's proxy http://proxy:3128".replace("8500", text[-4:])
        )
    for host in ("localhost", "127.0.0.1", "127.1.2.3", "[::1]", "inside", "a.cluster.local"):
        assert parse(f"{host}:8500").proxy is None
        assert parse(f"http://{host}:8501").proxy is None
    assert parse("https://host").proxy is None


@pytest.mark.parametrize("server", [evil_grpc, evil_rest])
def test_a_client_on_this_machine_does_not_ask_the_proxy(environment, server):
    environment.setenv("http_proxy", "http://127.0.0.1:1")
    environment.setenv("https_proxy", "http://127.0.0.1:1")
    with server.served() as (address, _), Client(address, "honest", attempts=1) as client:
        assert client.metadata()[0] == 1


@pytest.mark.parametrize("address", ["10.0.0.1:8500", "http://10.0.0.1:8501"])
@pytest.mark.parametrize("proxy", ["http://127.0.0.1:1", "127.0.0.1:1"])
def test_both_protocols_ask_the_proxy(environment, address, proxy):
    environment.setenv("HTTP_PROXY", proxy)
    with Client(address, "tiny", attempts=1) as client, pytest.raises(ServingError) as caught:
        client.status()
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    assert "through the environment's proxy http://127.0.0.1:1: " in caught.value.message


def test_a_url_may_name_the_model():
    with Client("http://localhost:8501/v1/models/vae:predict") as client:
        assert client.model == "vae"
    with pytest.raises(ValueError, match=r"Expected the model of the address, 'vae'. Received: model='other'"):
        Client("http://localhost:8501/v1/models/vae:predict", "other")


def test_credentials_are_of_grpc():
    with pytest.raises(ValueError, match="https:// has its own TLS"):
        Client("https://localhost", "tiny", credentials=grpc.ssl_channel_credentials())


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_a_timeout_is_positive(timeout):
    with pytest.raises(ValueError, match="Expected timeout in seconds"):
        Client("localhost:1", "tiny", timeout=timeout)
