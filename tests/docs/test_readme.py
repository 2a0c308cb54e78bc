"""The README's Python runs as it stands, on a small data set and for a few steps."""

import re

import numpy as np
import pytest
import tensorflow as tf

import tfvae
from tests.docs.pages import ROOT, blocks
from tests.metrics.test_published_scores import PUBLISHED

BLOCKS = [block.code for block in blocks("README.md", "python")]


def test_the_readme_has_the_blocks_that_are_run_here():
    marks = ["model.fit", "results = score(codes, factors", "tfvae.zoo.load_encoder", "Client("]
    assert [text in block for text, block in zip(marks, BLOCKS, strict=True)] == [True] * 4


def test_the_numbers_of_the_comparison_are_those_of_the_library():
    text = (ROOT / "README.md").read_text()
    ours = dict(re.findall(r"^\| (models|disentanglement scores|pretrained encoders) \| (\d+)", text, re.MULTILINE))
    models = [each for each in tfvae.MODELS.values() if each.__module__.startswith("tfvae.")]
    metrics = [each for each in tfvae.metrics.METRICS.values() if each.function.__module__.startswith("tfvae.")]
    counts = zip(
        ("models", "disentanglement scores", "pretrained encoders"), (models, metrics, tfvae.zoo.names()), strict=True
    )
    assert ours == {name: str(len(each)) for name, each in counts}


def test_the_versions_are_those_that_are_required():
    text, setup = (ROOT / "README.md").read_text(), (ROOT / "setup.py").read_text()
    required = {
        name: re.search(rf'{name}[="]*>=(\d+\.\d+)', setup)[1] for name in ("python_requires", "tensorflow", "keras")
    }
    assert f"| TensorFlow {required['tensorflow']}, Keras {required['keras']} or newer |" in text
    assert f"with Python {required['python_requires']} or newer" in text


def test_what_is_said_of_the_zoo_and_of_scores_is_true():
    text = (ROOT / "README.md").read_text()
    steps = [tfvae.zoo.load_scores(name)["release"]["steps"]["trained"] for name in tfvae.zoo.names()]
    assert max(steps) < tfvae.Experiment("factor_vae").steps == 300_000
    assert "none was trained for the paper's number of steps yet" in text
    assert f"and {len({metric for metric, *_ in PUBLISHED})} agree with disentanglement_lib's own scores" in text
    rows = re.findall(r"^\| `(\w+)`", (ROOT / "docs/concepts/known_codes.md").read_text(), re.MULTILINE)
    assert {*rows} >= {*tfvae.metrics.METRICS}


def test_ten_lines_give_a_score_and_a_traversal(workplace, eager, capsys):
    code = BLOCKS[0]
    assert len([line for line in code.splitlines() if line]) <= 10
    for long, short in (
        ("128)", "16)"),
        ("steps_per_epoch=1000, epochs=4", "steps_per_epoch=2, epochs=1"),
    ):
        assert long in code
        code = code.replace(long, short)
    exec(code, {})
    assert "factor_vae  0." in capsys.readouterr().out
    assert (workplace / "traversals.png").read_bytes().startswith(b"\x89PNG")
    assert (workplace / "factor_vae.keras").exists()
    assert (workplace / "saved_models" / "factor_vae" / "1" / "saved_model.pb").exists()


def test_scoring_arrays():
    factors = np.random.default_rng(0).integers(0, 5, size=(300, 3))
    names = {"codes": factors @ [[1.0, 0.5, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], "factors": factors}
    exec(BLOCKS[1], names)
    assert {name: 0 < result["score"] < 1 for name, result in names["results"].items()} == {
        "mig": True, "dci": True, "sap": True,
    }  # fmt: skip


def test_encoding_and_decoding_by_a_pretrained_model():
    names = {"tfvae": tfvae, "images": np.zeros((3, 64, 64, 1), np.float32)}
    exec(BLOCKS[2], names)
    assert names["codes"].shape == (3, 10)
    assert names["drawn"].shape == (3, 64, 64, 1)


def test_loading_with_tensorflow_alone(monkeypatch):
    monkeypatch.chdir(ROOT)
    (code,) = re.findall(r"`(tf\.saved_model\.load\(.*)`", (ROOT / "README.md").read_text())
    codes = eval(code, {"tf": tf, "images": tf.zeros([1, 64, 64, 1])})
    assert codes["mean"].shape == (1, 10)
    assert np.isfinite(codes["log_variance"]).all()


def test_encoding_at_a_server(tmp_path):
    pytest.importorskip("tensorflow_serving")
    from tfvae.serving.local.server import LocalServer

    (tmp_path / "factor_vae-dsprites").symlink_to(ROOT / "saved_models" / "factor_vae-dsprites")
    with LocalServer(tmp_path, grpc_port=0, rest_port=0) as server:
        for address in (server.grpc_address, f"http://{server.rest_address.removeprefix('http://')}"):
            names = {"images": np.zeros((3, 64, 64, 1), np.float32)}
            assert '"localhost:8500"' in BLOCKS[3]
            exec(BLOCKS[3].replace("localhost:8500", address), names)
            assert names["codes"]["mean"].shape == (3, 10)
