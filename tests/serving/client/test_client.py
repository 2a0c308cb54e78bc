import io
import random
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import grpc
import numpy as np
import pytest
from PIL import Image

from tfvae.serving import Client, ServingError
from tfvae.serving.client.calls import Call
from tfvae.serving.client.over_grpc import Grpc
from tfvae.serving.local.server import LocalServer
from tfvae.serving.local.version import Version
from tools import serving_trials as trials

PATIENCE = 300  # seconds: far more than any machine needs


def wait_for(condition):
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def answer_by(monkeypatch, client, answer):
    """Gives requests to a function of their inputs, as a server that does not report signatures."""

    def metadata(spec, timeout):
        raise ServingError(grpc.StatusCode.UNIMPLEMENTED, "no metadata")

    monkeypatch.setattr(client._server, "metadata", metadata)
    monkeypatch.setattr(client._server, "predict", lambda spec, inputs, timeout, expected: answer(inputs))


def sums(images):
    return images.reshape(len(images), -1).sum(1)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_codes_are_in_the_order_of_the_images(address, images, batch_size):
    with Client(address, "tiny", batch_size=batch_size, in_flight=3) as client:
        codes = client.encode(images, version=1)
    assert codes["mean"].dtype == np.float32
    np.testing.assert_allclose(codes["mean"][:, 0], sums(images), rtol=1e-6)
    np.testing.assert_allclose(codes["log_variance"][:, 0], sums(images), rtol=1e-6)


def test_pixels_files_and_contents_of_files_get_the_same_codes(address, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (5, 2, 3, 1), np.uint8)
    paths, contents = [], []
    for i, image in enumerate(pixels):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray(image[..., 0]).save(paths[-1])
        contents.append(paths[-1].read_bytes())
    with Client(address, "tiny", batch_size=2) as client:
        for given in (pixels, paths, [str(path) for path in paths], contents):
            np.testing.assert_allclose(client.encode(given, version=1)["mean"][:, 0], sums(pixels / 255), rtol=1e-5)


def test_versions_and_labels_choose_the_model(address, images):
    with Client(address, "tiny") as client:
        assert client.status() == {1: "AVAILABLE", 2: "AVAILABLE"}
        number, signatures = client.metadata(label="stable")
        assert number == 1
        assert [dim.size for dim in signatures["encode_uint8"].inputs["images"].tensor_shape.dim] == [-1, 2, 3, 1]
        for arguments, offset in (({}, 100), ({"version": 1}, 0), ({"label": "stable"}, 0), ({"label": "canary"}, 100)):
            codes = client.encode(images, **arguments)
            np.testing.assert_allclose(codes["mean"][:, 0], sums(images) + offset, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ({"model": "other"}, "NOT_FOUND", "other"),
        ({"version": 9}, "NOT_FOUND", "Specific(tiny, 9)"),
        ({"label": "beta"}, "INVALID_ARGUMENT", "Unrecognized servable version label: beta"),
    ],
)
def test_an_error_has_the_code_and_message_of_the_server(address, images, arguments, code, message):
    with Client(address, "tiny") as client, pytest.raises(ServingError) as caught:
        client.encode(images, **arguments)
    assert caught.value.code == grpc.StatusCode[code]
    assert message in str(caught.value)


def test_an_error_names_the_images(address):
    content = io.BytesIO()
    Image.new("L", (3, 2)).save(content, "PNG")
    files = [content.getvalue()] * 5 + [b"no picture"]
    with Client(address, "tiny", batch_size=2) as client:
        with pytest.raises(ServingError, match=r"items 4 to 5") as caught:
            client.predict("encode_bytes", {"image_bytes": files}, version=1)
        with pytest.raises(ValueError, match=r"item 5, of 10 bytes: its content is not that of a picture"):
            client.encode(files, version=1)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert not caught.value.temporary


def test_files_of_other_formats_get_the_codes_of_their_pixels(address, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 2, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels[0]).save(tmp_path / "0.bmp")
    Image.fromarray(pixels[1]).save(tmp_path / "1.tiff")
    Image.fromarray(pixels[2, ::-1, ::-1]).save(tmp_path / "2.png", exif=exif)
    Image.fromarray(pixels[3]).save(tmp_path / "3.png")
    with Client(address, "tiny", batch_size=3) as client:
        codes = client.encode(sorted(tmp_path.iterdir()), version=1)
    np.testing.assert_allclose(codes["mean"][:, 0], sums(pixels / 255), rtol=1e-5)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.full((1, 2, 3, 1), np.nan), ValueError, "values from nan"),
        (np.full((1, 2, 3, 1), 255.0), ValueError, "values from 0 to 255"),
        (np.zeros((2, 3, 1)), ValueError, r"images.shape=\[2, 3, 1\]"),
        (np.zeros((1, 2, 3, 1), int), TypeError, "images.dtype=int64"),
        (np.zeros((0, 2, 3, 1)), ValueError, "at least 1"),
        ("a.png", TypeError, "Expected a list of paths"),
    ],
)
def test_invalid_images_are_not_sent(images, error, message):
    with Client("localhost:1", "tiny") as client, pytest.raises(error, match=message):
        client.encode(images)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "http://127.0.0.1:1"])
def test_a_server_that_is_not_there_is_retried(address, images, monkeypatch):
    longest = []
    monkeypatch.setattr(random, "uniform", lambda low, high: longest.append(high) or 0)
    with Client(address, "tiny", attempts=4) as client, pytest.raises(ServingError, match=r"127\.0\.0\.1:1") as caught:
        client.encode(images)
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    np.testing.assert_allclose(longest, [0.1, 0.2, 0.4, 0.8])


def test_only_transient_errors_are_retried_and_within_the_deadline(monkeypatch):
    monkeypatch.setattr(random, "uniform", lambda low, high: 0)
    for code, temporary, calls in (("UNAVAILABLE", True, 3), ("INVALID_ARGUMENT", False, 1)):
        timeouts = []

        def fail(timeout, code=code, temporary=temporary, timeouts=timeouts):
            timeouts.append(timeout)
            raise ServingError(grpc.StatusCode[code], "no", temporary=temporary)

        with pytest.raises(ServingError):
            Call(10, 3).send(fail)
        assert len(timeouts) == calls
        assert sorted(timeouts, reverse=True) == timeouts
        assert timeouts[0] <= 10


def test_no_request_starts_after_an_error():
    call, attempts = Call(10, 3), []

    def another_fails(timeout):
        attempts.append(timeout)
        call.fail(ValueError())
        raise ServingError(grpc.StatusCode.UNAVAILABLE, "busy", temporary=True)

    for _ in range(2):
        with pytest.raises(ServingError, match="CANCELLED: Another request of the call failed"):
            call.send(another_fails)
    assert len(attempts) == 1


def test_all_codes_are_from_the_version_that_took_over(monkeypatch):
    """Parts that the old version answered are sent again."""
    asked = []

    def answer(inputs):
        asked.append(float(inputs["images"].ravel()[0]))
        version = 1 if len(asked) <= 2 else 2
        return version, {"mean": inputs["images"][:, :1, 0, 0] + 10 * version}

    images = np.arange(5, dtype=np.float32).reshape(5, 1, 1, 1) / 10
    with Client("localhost:1", "tiny", batch_size=1, in_flight=1) as client:
        answer_by(monkeypatch, client, answer)
        codes = client.encode(images)
    np.testing.assert_allclose(codes["mean"][:, 0], 20 + np.arange(5) / 10)
    np.testing.assert_allclose(asked, [0, 0.1, 0.2, 0.3, 0.4, 0, 0.1])


def test_codes_are_in_order_when_later_parts_are_answered_first(monkeypatch):
    answered = [Event() for _ in range(4)]
    answered[3].set()

    def answer(inputs):
        part = int(inputs["images"].ravel()[0] * 4)
        assert answered[part + 1].wait(PATIENCE)
        answered[part].set()
        return 1, {"mean": inputs["images"][:, :1, 0, 0]}

    images = (np.arange(3, dtype=np.float32) / 4).reshape(3, 1, 1, 1)
    with Client("localhost:1", "tiny", batch_size=1, in_flight=3) as client:
        answer_by(monkeypatch, client, answer)
        np.testing.assert_array_equal(client.encode(images)["mean"], images[:, :, 0, 0])


def test_a_part_that_the_old_version_answers_last_is_sent_again(monkeypatch):
    over = Event()

    def answer(inputs):
        last = float(inputs["images"].ravel()[0]) == 1
        version = 1 if last and not over.is_set() else 2
        if last:
            over.set()
        else:
            over.wait(PATIENCE)
        return version, {"mean": inputs["images"][:, :1, 0, 0] + 10 * version}

    images = np.array([0, 0.5, 1], np.float32).reshape(3, 1, 1, 1)
    with Client("localhost:1", "tiny", batch_size=1, in_flight=3) as client:
        answer_by(monkeypatch, client, answer)
        np.testing.assert_allclose(client.encode(images)["mean"][:, 0], [20, 20.5, 21])


def test_a_new_version_takes_over_without_a_failed_request(serve, tmp_path, put, images, monkeypatch):
    answered = Counter()

    class Counting(Grpc):
        def predict(self, *arguments, **keywords):
            version, outputs = super().predict(*arguments, **keywords)
            answered[version] += 1
            return version, outputs

    monkeypatch.setattr(sys.modules["tools.serving_trials.load"], "Grpc", Counting)
    (tmp_path / "tiny").mkdir()
    put(0, tmp_path / "tiny" / "1")
    finished, spec = Event(), {"model": "tiny", "images": images[:1], "clients": 8}
    with serve(tmp_path) as server, Client(server.grpc, "tiny") as client, ThreadPoolExecutor(1) as pool:
        assert client.encode(images)["mean"][0, 0] < 100
        loaded = pool.submit(trials.load, server.grpc, **spec, until=finished)
        try:
            wait_for(lambda: answered[1] >= 8)
            put(100, tmp_path / "tiny" / "2")
            server.follow()
            wait_for(lambda: answered[2] >= 8)
            assert client.encode(images, progress=False)["mean"][0, 0] >= 100
            assert client.status() == {1: "AVAILABLE", 2: "AVAILABLE"}
        finally:
            finished.set()
    found = loaded.result()
    assert not found.failures, found
    assert set(found.versions) == {1, 2}
    assert len(found.seconds) == found.versions.total() >= 16
    assert f"version 2: {found.versions[2]}), 0 failed; p50 " in str(found)


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_client_survives_a_restart_of_the_server(tmp_path, put, images, protocol, monkeypatch):
    (tmp_path / "tiny").mkdir()
    put(0, tmp_path / "tiny" / "1")
    with LocalServer(tmp_path) as server:
        ports = {name: int(getattr(server, name).split(":")[-1]) for name in ("grpc_address", "rest_address")}
        address = getattr(server, f"{protocol}_address")
        client = Client(address, "tiny", batch_size=1, attempts=1000, timeout=PATIENCE)
        expected = client.encode(images)
    failed, predict = Event(), client._server.predict

    def watched(*arguments):
        try:
            return predict(*arguments)
        except ServingError:
            failed.set()
            raise

    monkeypatch.setattr(client._server, "predict", watched)
    with client, ThreadPoolExecutor(1) as pool:
        asked = pool.submit(client.encode, images)
        assert failed.wait(PATIENCE)
        assert not asked.done()
        with LocalServer(tmp_path, grpc_port=ports["grpc_address"], rest_port=ports["rest_address"]):
            found = asked.result(timeout=PATIENCE)
    np.testing.assert_array_equal(found["mean"], expected["mean"])


def test_a_missed_deadline_is_reported_and_not_retried(address, images, monkeypatch):
    calls, over, predict = [], Event(), Version.predict

    def late(self, *arguments):
        over.wait(PATIENCE)
        return predict(self, *arguments)

    with Client(address, "tiny") as client:
        client.encode(images)  # connects
        monkeypatch.setattr(Version, "predict", late)
        client.timeout, send = 0.2, client._server.predict
        monkeypatch.setattr(client._server, "predict", lambda *arguments: calls.append(arguments) or send(*arguments))
        try:
            with pytest.raises(ServingError) as caught:
                client.encode(images)
        finally:
            over.set()
    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(calls) == 1


def test_images_are_split_into_requests_of_which_several_are_under_way(monkeypatch):
    together, sizes = Barrier(3), []

    def answer(inputs):
        sizes.append(len(inputs["images"]))
        if sizes[-1] == 2:
            together.wait(timeout=PATIENCE)  # three at once, or all of them wait
        return 1, {"mean": inputs["images"][:, :1, 0, 0]}

    images = np.arange(13, dtype=np.float32).reshape(13, 1, 1, 1) / 13
    with Client("localhost:1", "tiny", batch_size=2, in_flight=3) as client:
        answer_by(monkeypatch, client, answer)
        codes = client.encode(images)
    assert sorted(sizes) == [1, 2, 2, 2, 2, 2, 2]
    np.testing.assert_array_equal(codes["mean"], images[:, :, 0, 0])


@pytest.mark.parametrize(
    ("terminal", "progress", "requests", "shown"),
    [
        (True, None, 17, True),
        (True, None, 16, False),
        (True, False, 17, False),
        (False, None, 17, False),
        (False, True, 2, True),
    ],
)
def test_a_bar_is_shown_for_many_requests_in_a_terminal(monkeypatch, terminal, progress, requests, shown):
    out = io.StringIO()
    out.isatty = lambda: terminal
    monkeypatch.setattr(sys, "stderr", out)
    with Client("localhost:1", "tiny", batch_size=2) as client:
        answer_by(monkeypatch, client, lambda _: (1, {"mean": np.zeros((2, 1))}))
        client.encode(np.zeros((2 * requests, 1, 1, 1)), progress=progress)
    assert ("100%" in out.getvalue()) == shown, out.getvalue()
