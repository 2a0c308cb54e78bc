"""Whatever a server sends, over gRPC or REST: a ServingError in time, and never codes at another image's place."""

import gc
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest

from tests.serving.client import evil_grpc, evil_rest
from tfvae.serving import Client, ServingError

# First pixels 0, 1/8, 2/8, ... exact in JSON.
IMAGES = (np.arange(6, dtype=np.float32) / 8).reshape(6, 1, 1, 1)
PATIENCE = 40  # seconds, of which a busy machine needs few
SERVERS = {"grpc": evil_grpc, "rest": evil_rest}
MOST_MEMORY = 150  # MB
# No part alone is wrong; what was asked for, though the server reports no signatures.
REQUESTS = {"open_widening": 3, "blind_widening": 3, "metadata_not_implemented": 1}


@pytest.fixture(scope="module")
def servers():
    evil_grpc.OVER.clear()
    with evil_grpc.served() as by_grpc, evil_rest.served() as by_rest:
        yield {"grpc": by_grpc, "rest": by_rest}
        evil_grpc.OVER.set()


def peak(reset=False):
    """The most memory that this process had, in MB, since it was last reset."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    (line,) = (x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def ask(address, lie, **arguments):
    timeout = 1 if lie.endswith("slow") or "drips" in lie or lie in ("silent", "continues") else PATIENCE
    version = 1 if lie.endswith("other_version") else None
    options = {"timeout": timeout, "attempts": 2, "batch_size": 2, "in_flight": 1} | arguments
    with Client(address, lie, **options) as client:
        return client.encode(IMAGES, version=version)


@pytest.mark.parametrize(
    ("protocol", "lie"), [(protocol, lie) for protocol, server in SERVERS.items() for lie in server.LIES]
)
def test_a_lie_is_an_error_in_time(servers, protocol, lie):
    address, server = servers[protocol]
    begin, before = time.monotonic(), server.asked[lie]
    linux = sys.platform == "linux"
    memory = peak(reset=True) if linux else 0
    with pytest.raises(ServingError) as caught:
        ask(address, lie)
    assert time.monotonic() - begin < PATIENCE / 2
    assert caught.value.code == grpc.StatusCode[SERVERS[protocol].LIES[lie][1]], caught.value
    assert len(caught.value.message) <= 2_100
    # After an error, nothing more is sent; a transient error is retried once.
    assert caught.value.temporary == (caught.value.code == grpc.StatusCode.UNAVAILABLE), caught.value
    requests = 2 if caught.value.temporary else REQUESTS.get(lie, 0 if lie.startswith("metadata") else 1)
    asked = server.asked[lie] - before
    # A busy machine may need the whole second of such a call before the server has read the request.
    assert asked == requests or (asked < requests and caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED)
    if linux:
        assert peak() - memory < MOST_MEMORY


@pytest.mark.parametrize("protocol", SERVERS)
@pytest.mark.parametrize("batch_size", [1, 4])
def test_honest_answers_are_returned(servers, protocol, batch_size):
    found = ask(servers[protocol][0], "honest", batch_size=batch_size, in_flight=3)
    assert found["mean"].dtype == np.float32
    np.testing.assert_array_equal(found["mean"], np.stack([IMAGES[:, 0, 0, 0], IMAGES[:, 0, 0, 0] + 1], 1))
    np.testing.assert_array_equal(found["log_variance"], IMAGES[:, 0, 0])


def test_a_server_that_reports_no_signatures_is_understood_over_grpc(servers):
    np.testing.assert_array_equal(ask(servers["grpc"][0], "blind_honest")["log_variance"], IMAGES[:, 0, 0])


@pytest.mark.parametrize("protocol", SERVERS)
def test_values_that_are_not_finite_are_returned_on_request(servers, protocol):
    found = ask(servers[protocol][0], "nan", finite=False)
    assert np.isnan(found["mean"]).any()
    np.testing.assert_array_equal(found["log_variance"], IMAGES[:, 0, 0])


def test_a_number_that_a_float32_cannot_hold_is_refused_even_if_infinity_is_not(servers):
    with pytest.raises(ServingError, match="in the range of float32"):
        ask(servers["rest"][0], "too_large_for_float32", finite=False)


@pytest.mark.parametrize(
    ("protocol", "message"), [("grpc", "Received message larger than max"), ("rest", "answer of at most 40 bytes")]
)
def test_an_argument_bounds_answers(servers, protocol, message):
    with pytest.raises(ServingError, match=message) as caught:
        ask(servers[protocol][0], "honest", max_answer_bytes=40)
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize(
    ("protocol", "model"),
    [("grpc", "garbage"), ("grpc", "state"), ("rest", "metadata_null"), ("rest", "metadata_html")],
)
def test_a_wrong_status_is_an_error(servers, protocol, model):
    with Client(servers[protocol][0], model) as client, pytest.raises(ServingError, match="INTERNAL"):
        client.status()


def test_compressed_answers_are_refused_over_grpc():
    with (
        evil_grpc.served(compression=grpc.Compression.Gzip) as (address, _),
        pytest.raises(ServingError, match="ompression"),
    ):
        ask(address, "honest")


@pytest.mark.parametrize("scheme", ["", "http://"])
def test_a_server_that_accepts_and_says_nothing_is_left_in_time(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begin = time.monotonic()
        with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
            ask(f"{scheme}127.0.0.1:{silent.getsockname()[1]}", "silent")
        assert time.monotonic() - begin < PATIENCE / 2


def test_the_timeout_bounds_all_requests_of_a_call_together(servers):
    with pytest.raises(ServingError, match="DEADLINE_EXCEEDED"):
        ask(servers["grpc"][0], "tardy", batch_size=1, timeout=1)
    assert len(ask(servers["grpc"][0], "tardy", batch_size=1, timeout=None)["mean"]) == 6


def test_an_error_is_raised_while_another_request_waits(servers):
    address, server = servers["grpc"]
    begin = time.monotonic()
    with pytest.raises(ServingError, match=r"INVALID_ARGUMENT: no \(items 1 to 1\)"):
        ask(address, "fails_or_hangs", batch_size=1, in_flight=2)
    assert time.monotonic() - begin < PATIENCE / 2
    assert server.asked["fails_or_hangs"] == 2


@pytest.mark.parametrize("protocol", SERVERS)
def test_a_client_that_is_closed_ends_its_requests(servers, protocol):
    address, server = servers[protocol]
    name = {"grpc": "slow", "rest": "silent"}[protocol]
    before = server.asked[name]
    with Client(address, name, timeout=PATIENCE) as client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.encode, IMAGES)
        while server.asked[name] == before:
            time.sleep(0.01)
        client.close()
        with pytest.raises(ServingError, match="CANCELLED"):
            asked.result(PATIENCE)
        with pytest.raises(ServingError, match="CANCELLED: The client was closed"):
            client.status()


def test_a_client_that_nobody_closes_leaves_no_thread(servers):
    before = set(threading.enumerate())
    client = Client(servers["rest"][0], "honest")
    (thread,) = (each for each in set(threading.enumerate()) - before if each.name == "serving-http")
    client.encode(IMAGES)
    del client
    # The thread may hold what it has just answered for a moment longer.
    until = time.monotonic() + PATIENCE
    while thread.is_alive() and time.monotonic() < until:
        gc.collect()
        thread.join(0.1)
    assert not thread.is_alive()


def test_ports_that_are_mixed_up_are_explained(servers):
    by_grpc, by_rest = servers["grpc"][0], servers["rest"][0]
    with pytest.raises(ServingError, match="Is it the port of gRPC"):
        ask(f"http://{by_grpc}", "honest")
    with pytest.raises(ServingError, match=f'REST is at "{by_rest}"'):
        ask(by_rest.removeprefix("http://"), "honest")
    # By localhost, which gRPC takes for two addresses, of which it reports one.
    by_name = by_rest.removeprefix("http://").replace("127.0.0.1", "localhost")
    with pytest.raises(ServingError, match=f'REST is at "http://{by_name}"'):
        ask(by_name, "honest")


def test_where_nobody_listens_the_address_of_rest_is_named():
    with pytest.raises(ServingError, match=r'Is it the port of REST\? REST is at "http://localhost:1"'):
        ask("localhost:1", "honest")
