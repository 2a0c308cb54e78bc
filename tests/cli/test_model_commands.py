"""The commands on models, over all models and kinds of data."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests import tiny
from tests.cli.commands import run
from tests.models.test_rotation import SOURCES, mixed_vae
from tfvae import loading, rotate
from tfvae.data import FactorTable, GroundTruthData, ImageData
from tfvae.data.arrays import as_image_data
from tfvae.evaluation import QUICKLY, evaluate
from tfvae.export import SavedDecoder, SavedEncoder, tflite_runner
from tfvae.export.provenance import read_provenance
from tfvae.loading import Trained
from tfvae.metrics import QUICK, ceiling

IMAGES = np.uint8(255 * tiny.images(24))
FACTORS = np.stack(np.unravel_index(np.arange(24), (4, 3, 2)), axis=1)
NAMES = ["a", "b", "c"]
DATA = {
    "none": ImageData("none", IMAGES),
    "one": GroundTruthData("one", FactorTable(NAMES, FACTORS * [1, 0, 0]), IMAGES),
    "several": GroundTruthData("several", FactorTable(NAMES, FACTORS), IMAGES),
}
each_model = pytest.mark.parametrize("name", tiny.by_representation())


@pytest.fixture
def load(monkeypatch):
    """Makes commands load a given model, and data by name out of `DATA`."""
    monkeypatch.setattr("tfvae.data.load", DATA.get)

    def use(model):
        trained = model if isinstance(model, Trained) else Trained(model, tiny.SHAPE, model)
        monkeypatch.setattr(loading, "load", lambda source: trained)
        return trained

    return use


@each_model
def test_every_model_can_be_scored_traversed_and_sampled(name, load, tmp_path, untraced, capsys):
    model = tiny.make(name)
    load(model)
    for kind in DATA:
        output = tmp_path / f"{kind}.json"
        run("evaluate", "--model=m", f"--data={kind}", "--metrics=mig,total_correlation", f"--output={output}")
        scores, out = json.loads(output.read_text()), capsys.readouterr().out
        assert np.isfinite(scores["total_correlation"]["score"])
        skipped = {"none": "the data have no factors", "one": "fewer than two factors vary: ['a']"}.get(kind)
        assert scores["mig"].get("skipped") == skipped
        assert (f"skipped  mig: {skipped}" in out) == (skipped is not None)
        assert ("reconstruction  skipped: the model has no likelihood" in out) == (model.log_likelihood is None)
        assert ("KL  skipped: the codes have no posterior" in out) == (not model.has_log_variance)
        run("traverse", "--model=m", f"--data={kind}", f"--output={tmp_path / kind}.png")
        assert (tmp_path / f"{kind}.png").read_bytes().startswith(b"\x89PNG")
        run("encode", "--model=m", f"--data={kind}", f"--output={tmp_path / kind}.csv")
        header, *rows = (tmp_path / f"{kind}.csv").read_text().splitlines()
        assert len(rows) == 24
        assert ('"z0.log_variance"' in header, '"a"' in header) == (model.has_log_variance, kind != "none")
    samples = tmp_path / "samples.png"
    if model.prior_draws is None:
        with pytest.raises(ValueError, match="Received: m, without a prior to draw codes from"):
            run("generate", "--model=m", f"--output={samples}")
    else:
        run("generate", "--model=m", f"--output={samples}")
    assert samples.exists() == (model.prior_draws is not None)
    arguments = ["--model=m", "--data=one", f"--output={tmp_path / 'reconstructions.png'}", "--reconstruct"]
    if model.noise_dim:
        run("generate", *arguments)
        assert (tmp_path / "reconstructions.png").read_bytes().startswith(b"\x89PNG")
    else:
        with pytest.raises(ValueError, match=r"decoder takes noise|without a prior"):
            run("generate", *arguments)
        assert not (tmp_path / "reconstructions.png").exists()


def test_scores_and_ceilings_are_those_of_the_library(load, tmp_path, eager, capsys):
    trained, output = load(tiny.make("vae")), tmp_path / "scores.json"
    arguments = ["--model=m", "--data=several", "--metrics=mig,sap,total_correlation", "--quick", "--seed=3"]
    run("evaluate", *arguments, "--ceilings", f"--output={output}")
    found, out = json.loads(output.read_text()), capsys.readouterr().out
    names = ["mig", "sap", "total_correlation"]
    expected = evaluate(trained, DATA["several"], metrics=names, seed=3, **QUICKLY)
    perfect = ceiling(DATA["several"], metrics=["mig", "sap"], seed=3, parameters=QUICK)
    for metric in ("mig", "sap"):
        assert found[metric].pop("ceiling") == perfect[metric]["score"]
        line = f"{expected[metric]['score']:.3f} +- {expected[metric]['standard_error']:.3f}"
        assert f"{metric}  {line}  (a perfect code: {perfect[metric]['score']:.3f})" in out
    assert found == json.loads(json.dumps({"model": "m", **expected}))
    assert f"reconstruction  {expected['reconstruction']['nats']:.1f} +- " in out
    run("evaluate", "--model=m", "--data=one", "--metrics=mig", "--ceilings", f"--output={output}")
    assert "ceiling" not in json.loads(output.read_text())["mig"]


def test_parameters_and_ignored_factors_are_those_of_the_library(load, tmp_path, eager, capsys):
    trained, output = load(tiny.make("vae")), tmp_path / "scores.json"
    given = ["--metric=mig.bins=7", "--metric=mig.binning=quantile", "--ignore=b", "--ceilings"]
    base = ["--model=m", "--data=several", "--metrics=mig,sap", f"--output={output}"]
    for quick in ([], ["--quick"]):
        run("evaluate", *base, *given, *quick)
        found, out = json.loads(output.read_text()), capsys.readouterr().out
        mig = {**(QUICK["mig"] if quick else {}), "bins": 7, "binning": "quantile"}
        parameters = {**(QUICK if quick else {}), "mig": mig}
        arguments = {**(QUICKLY if quick else {}), "metrics": ["mig", "sap"], "ignore": "b", "parameters": parameters}
        expected = evaluate(trained, DATA["several"], **arguments)
        perfect = ceiling(DATA["several"], metrics=["mig", "sap"], parameters=parameters, ignore="b")
        assert [found[metric].pop("ceiling") for metric in perfect] == [each["score"] for each in perfect.values()]
        assert found == json.loads(json.dumps({"model": "m", **expected}))
        assert "factors  discrete a (4), c (2); ignored b\n" in out
    for wrong, message in (
        (["--metric=mig.bin=7"], r"'mig' out of \['samples', 'bins', .*Received: 'bin'"),
        (["--metric=mig.bins=few"], "mig.bins of type int. Received: 'few'"),
        (["--metric=mig.bins"], "Expected --metric=NAME.PARAMETER=VALUE. Received: --metric=mig.bins"),
        (["--metric=bins=7"], "NAME.PARAMETER=VALUE, each .*Received: --metric=bins=7"),
        (["--metric=mig.bins=7", "--metric=mig.bins=8"], "each parameter once. Received: --metric=mig.bins=8"),
        (["--metric=dci.trees=7"], r"out of \['mig', 'sap'\]. Received: --metric=dci.trees=7"),
        (["--ignore=b,shape"], r"factors out of \['a', 'b', 'c'\]. Received: 'shape'"),
    ):
        with pytest.raises(ValueError, match=message):
            run("evaluate", *base, *wrong)


def test_factors_are_printed_as_what_they_were_taken_for(load, eager, capsys):
    load(tiny.make("vae"))
    for kind, line in (("several", "factors  discrete a (4), b (3), c (2)\n"), ("none", None)):
        run("evaluate", "--model=m", f"--data={kind}", "--metrics=total_correlation")
        out = capsys.readouterr().out
        assert ("factors  " in out) == (line is not None)
        assert line is None or line in out


def test_ceilings_of_a_quick_look_are_those_of_its_images(load, tmp_path, monkeypatch, eager):
    load(tiny.make("vae"))
    monkeypatch.setitem(QUICKLY, "limit", 12)
    seen = []
    monkeypatch.setattr(
        "tfvae.evaluation.ceiling", lambda data, **arguments: seen.append(data) or {"mig": {"score": 1.0}}
    )
    run("evaluate", "--model=m", "--data=several", "--metrics=mig", "--quick", "--ceilings")
    assert [len(data) for data in seen] == [12]


def test_a_model_that_cannot_is_refused_in_one_line(load, tmp_path):
    load(Trained(lambda images: images[:, 0, :, 0], tiny.SHAPE))
    for command, *arguments in (("traverse",), ("generate",), ("export", "--format=tflite", "--what=decoder")):
        suffix = "tflite" if command == "export" else "png"
        with pytest.raises(ValueError, match="decoder") as error:
            run(command, "--model=m", "--data=one", f"--output={tmp_path}/new.{suffix}", *arguments)
        assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="Received an export: m"):
        run("export", "--model=m", f"--output={tmp_path}/1")
    assert not list(tmp_path.iterdir())


def test_a_model_and_its_exports_are_exported(load, tmp_path):
    model, z = tiny.make("factor_vae"), np.zeros((2, tiny.DIM), np.float32)
    trained = load(model)
    run("export", "--model=m", f"--output={tmp_path}/m/1")
    run("export", "--model=m", "--what=decoder", f"--output={tmp_path}/m-decoder/1")
    encoder, decoder = SavedEncoder(tmp_path / "m" / "1"), SavedDecoder(tmp_path / "m-decoder" / "1")
    np.testing.assert_allclose(decoder(z), model.decode(z), atol=1e-5)
    exported = Trained(encoder, tiny.SHAPE, exported=encoder.path, decoder=decoder)
    for number, source in enumerate((trained, exported)):
        load(source)
        for what in ("encoder", "decoder"):
            run(
                "export",
                "--model=m",
                "--data=one",
                "--format=tflite",
                f"--what={what}",
                f"--output={tmp_path}/{what}{number}.tflite",
            )
        found = tflite_runner(tmp_path / f"decoder{number}.tflite")({"z": z})["images"]
        np.testing.assert_allclose(found, model.decode(z), atol=1e-5)
        x = tiny.images(3)
        found = tflite_runner(tmp_path / f"encoder{number}.tflite")({"images": x})["mean"]
        np.testing.assert_allclose(found, model(x)["mean"], atol=1e-5)
    run("export", f"--model={decoder.path}", "--format=tflite", "--what=decoder", f"--output={tmp_path}/folder.tflite")
    assert (tmp_path / "folder.tflite").read_bytes() == (tmp_path / "decoder1.tflite").read_bytes()
    with pytest.raises(FileExistsError, match="not overwritten"):
        run("export", "--model=m", "--data=one", "--format=tflite", f"--output={tmp_path}/folder.tflite")


def test_an_encoder_and_its_decoder_are_exported_turned(load, tmp_path, monkeypatch):
    monkeypatch.setitem(DATA, "mixed", as_image_data(SOURCES))
    model = mixed_vae()
    load(model)
    arguments = ["export", "--model=m", "--rotate", "--data=mixed"]
    run(*arguments, "--what=decoder", f"--output={tmp_path}/m-decoder/1")
    # An entry of the zoo is loaded as an export, and its model is made from it.
    load(Trained(model, model.image_shape))
    monkeypatch.setattr(loading, "load_to_train", lambda source: model)
    run(*arguments, f"--output={tmp_path}/m/1")
    encoder, decoder = SavedEncoder(tmp_path / "m" / "1"), SavedDecoder(tmp_path / "m-decoder" / "1")
    assert read_provenance(encoder.path)["rotated_on"] == DATA["mixed"].name
    turned = rotate(model, SOURCES)
    found = encoder(SOURCES[:9])["mean"]
    np.testing.assert_allclose(found, turned.predict(SOURCES[:9], verbose=0)["mean"], atol=1e-5)
    assert np.abs(found - model.predict(SOURCES[:9], verbose=0)["mean"]).max() > 0.1
    np.testing.assert_allclose(decoder(found), model.decode(model.predict(SOURCES[:9], verbose=0)["mean"]), atol=1e-4)
    load(tiny.make("anica"))
    with pytest.raises(ValueError, match=r"Expected a VAE.*Received: Anica"):
        run("export", "--model=m", "--rotate", "--data=one", f"--output={tmp_path}/anica/1")
    assert not (tmp_path / "anica").exists()


def test_an_entry_of_the_zoo_is_traversed(tmp_path):
    np.savez(tmp_path / "few.npz", images=np.uint8(255 * tiny.images(5, shape=(64, 64, 1))))
    arguments = ["--model=factor_vae-dsprites", f"--data=npz:{tmp_path}/few.npz"]
    run("traverse", *arguments, f"--output={tmp_path}/t.png")
    assert (tmp_path / "t.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="without a prior"):
        run("generate", *arguments, f"--output={tmp_path}/s.png")


def test_the_zoo_is_an_aligned_table_and_an_entry_is_its_card(tmp_path, capsys):
    run("zoo")
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1
    (row,) = [line for line in lines if line.startswith("factor_vae-dsprites ")]
    assert row.count(" +- ") == 4
    (row,) = [line for line in lines if line.startswith("info_wgan_gp-mnist ")]
    assert row.split()[-4:] == ["-"] * 4
    run("zoo", "factor_vae-dsprites")
    root = Path(__file__).parents[2]
    head, text = (root / "zoo/factor_vae-dsprites/card.md").read_text().removeprefix("---\n").split("---\n\n", 1)
    assert "model-index:" in head
    assert capsys.readouterr().out.strip() == text.strip()
    run("zoo", f"--root={root}")
    assert capsys.readouterr().out.splitlines() == lines
    run("zoo", f"--root={tmp_path}")
    assert capsys.readouterr().out == f"The zoo in {tmp_path} has no entries.\n"
    with pytest.raises(ValueError, match="one name at most"):
        run("zoo", "a", "b")
