"""The exports of the zoo: every way to call them gives the same answers, and a server survives bad requests."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.conftest import KINDS, LIMIT
from tfvae import zoo
from tfvae.export import versions
from tfvae.serving import Client
from tools import serving_trials as trials

ENCODER = KINDS[0]


@pytest.fixture(scope="session")  # pytest runs the tests of a server first, and those of other files in between
def bare(exports, tmp_path_factory):
    """The answers of TensorFlow alone, for each export, to each signature and to each warm-up request."""
    out = tmp_path_factory.mktemp("bare") / "out"
    command = [sys.executable, Path(__file__).with_name("bare.py"), exports, out]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out.parent)
    assert done.returncode == 0, done.stderr[-2000:]
    return pickle.loads(out.read_bytes())


def test_every_export_answers_without_the_library_and_has_warm_up_requests(bare, exports):
    assert len(list(exports.iterdir())) >= 2 * len(KINDS)
    assert set(bare) == {f"{folder.name}/{number}" for folder in exports.iterdir() for number in versions(folder)}
    for export, answers in bare.items():
        names = [name for name, _, _ in answers]
        # For each signature a request that we made, of two rows, and then the warm-up request.
        half = len(names) // 2
        assert sorted(names[:half]) == sorted(names[half:]), export
        assert len(set(names)) == half, export


@pytest.mark.parametrize("protocol", ["grpc", "rest"])
def test_a_server_answers_like_tensorflow_alone(bare, exports, zoo_server, protocol):
    with Client(getattr(zoo_server, protocol)) as client:
        for folder in exports.iterdir():
            for number in versions(folder)[-2:]:  # those that are served
                for signature, inputs, expected in bare[f"{folder.name}/{number}"]:
                    found = client.predict(signature, inputs, model=folder.name, version=number)
                    assert set(found) == set(expected)
                    for key, value in expected.items():
                        np.testing.assert_allclose(found[key], value, atol=1e-5, rtol=0, err_msg=f"{signature} {key}")


def test_the_functions_of_the_zoo_answer_like_tensorflow_alone(bare, exports):
    for folder in exports.iterdir():
        name, decodes = folder.name.removesuffix("-decoder"), folder.name.endswith("-decoder")
        _, inputs, expected = next(
            x for x in bare[f"{folder.name}/{versions(folder)[-1]}"] if x[0] == "serving_default"
        )
        if decodes:
            codes = np.concatenate([inputs[key] for key in ("z", "category") if key in inputs], axis=1)
            found = {"images": zoo.load_decoder(name)(codes)}
        else:
            found = zoo.load_encoder(name)(inputs["images"])
        assert set(found) == set(expected)
        for key, value in expected.items():
            np.testing.assert_allclose(found[key], value, atol=1e-5, rtol=0, err_msg=f"{name} {key}")


def test_a_jpeg_gets_the_codes_of_its_pixels(zoo_server):
    jpeg = trials.picture("JPEG", (64, 64))  # grey
    pixels = tf.io.decode_jpeg(jpeg, dct_method="INTEGER_ACCURATE").numpy()
    with Client(zoo_server.grpc, "factor_vae-dsprites") as client:
        found, expected = client.encode([jpeg]), client.encode(pixels[np.newaxis])
        np.testing.assert_allclose(found["mean"], expected["mean"], atol=1e-4)


def test_bad_requests_get_their_codes_and_the_server_continues(zoo_server):
    with Client(zoo_server.grpc, ENCODER) as client:
        todo = trials.bad_requests(trials.image_shape(client), LIMIT)
    todo = [bad for bad in todo if zoo_server.local or not bad.local]
    expected, found = {}, {}
    for bad, answer in trials.answers(zoo_server.grpc, zoo_server.rest, ENCODER, todo):
        expected[bad.name] = (bad.grpc, bad.rest)
        found[bad.name] = (answer.grpc and answer.grpc[0], answer.rest and answer.rest[0])
        for code, message in filter(None, (answer.grpc, answer.rest)):
            assert message or code == "OK", bad.name
    assert len(found) == len(todo) >= 19
    assert found == expected


def test_bytes_that_are_not_pictures_are_refused_or_read(zoo_server):
    pictures = [trials.picture(form, (64, 64)) for form in ("PNG", "JPEG")]
    with Client(zoo_server.grpc, ENCODER, attempts=1) as client:
        assert trials.sent(client, trials.random_strings(150)) == {"INVALID_ARGUMENT": 150}
        mutated = trials.sent(client, trials.mutated_pictures(pictures, 50))
        assert set(mutated) == {"OK", "INVALID_ARGUMENT"}
        assert mutated.total() == 50
