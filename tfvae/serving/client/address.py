"""The addresses that people type, as gRPC and HTTP need them."""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

_FORMS = '"host:8500" or "grpc://host:8500" for gRPC, or "http://host:8501" (or https) for REST'
# Names that gRPC resolves itself (grpc/doc/naming.md).
_RESOLVED = re.compile(r"(dns|unix|unix-abstract|vsock|ipv4|ipv6|xds):(?!\d+$)", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://", re.IGNORECASE)
_HOST = re.compile(r"[\w.-]+")
_LOGIN = re.compile(r"//[^/]*@")
_MODEL = re.compile(r"(?P<prefix>.*?)/v1(/models(/(?P<model>[^/:]+)(?P<rest>.*))?)?")


@dataclass(frozen=True)
class Address:
    """Where a server is.

    Args:
        target: "host:port" for gRPC, and "http://host:port/prefix" for REST.
        rest: whether it is REST.
        shown: the target as messages show it, without a password.
        model: the model that a pasted URL names.
        proxy: the URL of the environment's proxy on the way to it. A server on this machine is asked directly.
    """

    target: str
    rest: bool
    shown: str
    model: str | None = None
    proxy: str | None = None

    @property
    def via(self) -> str:
        """The target as messages show it, with the proxy."""
        if self.proxy is None:
            return self.shown
        return f"{self.shown} through the environment's proxy {_LOGIN.sub('//', self.proxy)}"


def parse(address: str) -> Address:
    """Reads "host:port", "grpc://host:port", "http://host:port", or a URL of the REST API.

    Raises:
        TypeError, ValueError: if it is something else, with what was expected.
    """
    if not isinstance(address, str):
        raise TypeError(f"Expected an address, {_FORMS}. Received: {address!r:.80}")
    text = address.strip()
    text = text if text.endswith("://") else text.rstrip("/")
    scheme = _SCHEME.match(text)
    name = scheme[1].lower() if scheme else ""
    if name in ("http", "https"):
        return _rest(_split(text, address))
    if _RESOLVED.match(text):
        return Address(text, rest=False, shown=text, proxy=None if name else _proxy("", "grpc", "https", "http"))
    if name == "grpcs":
        raise _error(address, 'gRPC with TLS is "host:port" and credentials=grpc.ssl_channel_credentials()')
    if name not in ("", "grpc"):
        raise _error(address, f"{name}:// is not known")
    return _grpc(_split(text if scheme else f"grpc://{text}", address), address)


def _grpc(parts: SplitResult, address: str) -> Address:
    if parts.path or parts.username is not None:
        raise _error(address, "gRPC's address is a host and a port; a URL begins with http://")
    if parts.port is None:
        raise _error(address, "the port is missing, which is 8500 by default in TensorFlow Serving")
    host = parts.hostname or ""
    return Address(parts.netloc, rest=False, shown=parts.netloc, proxy=_proxy(host, "grpc", "https", "http"))


def _rest(parts: SplitResult) -> Address:
    match = _MODEL.fullmatch(parts.path)
    prefix, model, rest = match.group("prefix", "model", "rest") if match else (parts.path, None, None)
    if rest and re.match("/(versions|labels)/", rest):
        raise _error(parts.geturl(), "a version or label is an argument of each call: encode(images, version=1)")
    host = parts.netloc.rpartition("@")[2]
    return Address(
        f"{parts.scheme}://{parts.netloc}{prefix}",
        rest=True,
        shown=f"{parts.scheme}://{host}{prefix}",
        model=unquote(model) if model else None,
        proxy=_proxy(parts.hostname or "", parts.scheme, "all"),
    )


def _split(url: str, address: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""  # the port raises ValueError for what is not one
    except ValueError as error:
        reason = "an IPv6 address stands in brackets: [::1]:8500" if url.count(":") > 2 and "[" not in url else error
        raise _error(address, str(reason)) from error
    if port == 0 or not (_HOST.fullmatch(host) or _is_ip(host)) or parts.query or parts.fragment:
        raise _error(address, "it is not a host and a port")
    return parts


def _proxy(host: str, *schemes: str) -> str | None:
    if host == "localhost" or (_is_ip(host) and ipaddress.ip_address(host).is_loopback) or proxy_bypass(host):
        return None
    proxies = getproxies()
    proxy = next((proxies[scheme] for scheme in schemes if proxies.get(scheme)), None)
    return proxy if proxy is None or "://" in proxy else f"http://{proxy}"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _error(address: str, reason: str) -> ValueError:
    return ValueError(f"Expected an address, {_FORMS}. Received: {_LOGIN.sub('//', address)!r}: {reason}.")
