"""Every model is reported and released, whatever is known about the factors in its data."""

import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from tests import tiny
from tfvae.data import FactorSpace, GroundTruthData, ImageData
from tfvae.experiment import Experiment
from tfvae.export import export_decoder, export_encoder, versions
from tfvae.loading import Trained
from tfvae.metrics import in_all
from tfvae.models import MODELS
from tfvae.release.card import card
from tfvae.release.publish import release
from tfvae.report.page import write_report

NEED_NO_FACTORS = {"mutual_information", "predictability", "total_correlation", "wasserstein_correlation"}
GANS = {"info_gan", "info_wgan_gp"}
NO_PRIOR = {"anica", "qlae"}
NO_DENSITY = {*NO_PRIOR, "joint_factor_vae", *GANS}
# The page draws the sigmoid of what the decoder gives for a code. That is not the mean of a continuous Bernoulli pixel,
# dip_vae_i's here, and Information Dropout decodes the exponential of its code.
NO_SLIDERS = {*NO_DENSITY, "dip_vae_i", "information_dropout"}


KINDS = ("several factors", "no factor", "one factor")
# What is skipped for the lack of factors does not depend on the model: these have a density, no prior, categories, and
# no likelihood.
OF_ALL_KINDS = ("vae", "anica", "joint_factor_vae", "info_gan")


def cases():
    """Each way to encode and decode with factors, some without; the rest is slow."""
    for each in tiny.by_representation():
        (name,), marks = (each.values, each.marks) if hasattr(each, "values") else ((each,), ())
        for kind in KINDS:
            slow = kind != KINDS[0] and name not in OF_ALL_KINDS
            yield pytest.param(name, kind, marks=pytest.mark.slow if slow else marks)


each_case = pytest.mark.parametrize(("run", "data"), list(cases()), indirect=True)


@pytest.fixture
def data(request):
    images = np.uint8(255 * tiny.images(48))
    if request.param == "no factor":
        return ImageData("tiny", images)
    sizes = {"one factor": (48, 1), "several factors": (6, 8)}[request.param]
    return GroundTruthData("tiny", FactorSpace(("x", "y"), tuple(np.arange(size) for size in sizes)), images)


@pytest.fixture(autouse=True)
def _quick(few_draws, monkeypatch):
    """Functions are not traced, and figures are empty: what is left takes half a second."""
    for plot in ("plot_marginals", "plot_batch_total_correlation"):
        monkeypatch.setattr(f"tfvae.report.densities.{plot}", lambda found: Figure(figsize=(1, 1)))
    monkeypatch.setattr("tfvae.plots.tiles.add_image", lambda *place: None)
    monkeypatch.setattr("tfvae.plots.traversals.save_gif", lambda found, path: path.write_bytes(b"GIF89a"))
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def runs():
    """Those that tests have made, by name."""
    return {}


@pytest.fixture
def run(request, runs, tmp_path_factory):
    """A trained model, and a run's folder that also holds its exports."""
    name = request.param
    if name not in runs:
        runs[name] = made(name, tmp_path_factory.mktemp(name))
    return name, *runs[name]


def made(name, folder):
    parameters = tiny.PARAMETERS.get(name, {})
    experiment = Experiment(
        model=name, parameters=parameters, architecture=next(iter(MODELS[name].architectures)), optimizers={},
        discriminator={}, latent_dim=tiny.DIM, batch_size=8, steps=8, log_every=2, checkpoint_every=2,
    )  # fmt: skip
    experiment.save(folder / "experiment.json")
    model = tiny.make(name, **parameters)
    export_encoder(model, folder / "exports" / "encoder" / "1")
    export_decoder(model, folder / "exports" / "decoder" / "1")
    return folder, Trained(model, tiny.SHAPE, model, experiment, steps=6)


@pytest.fixture
def _ready_exports(run, monkeypatch):
    """A release copies the exports, which do not depend on the data, and takes the model as it is."""
    _, folder, trained = run
    for part in ("encoder", "decoder"):

        def copy(model, path, *, provenance, source=folder / "exports" / part / "1"):
            return shutil.copytree(source, path)

        monkeypatch.setattr(f"tfvae.release.publish.export_{part}", copy)
    monkeypatch.setattr("tfvae.release.publish.load_checkpointed", lambda workdir, image_shape: trained)


def skipped_metrics(data):
    return set() if len(data.scored_factors) > 1 else set(in_all()) - NEED_NO_FACTORS


@each_case
def test_a_report_has_what_the_model_can_do_and_lists_the_rest(run, data, tmp_path):
    name, _, trained = run
    write_report(trained, data, tmp_path / "page.html", quick=True)
    text = (tmp_path / "page.html").read_text()
    aside = text[text.index("<aside") : text.index("</aside>")]
    for metric in in_all():
        assert (f'<th scope="row">{metric}</th>' in text) == (metric not in skipped_metrics(data))
        assert bool(re.search(rf"[>\s]{metric}[,:][^<]*skipped, because", aside)) == (metric in skipped_metrics(data))
    assert 'id="traversals"' in text
    assert ('id="samples"' in text) == (name not in NO_PRIOR)
    assert ("reconstruction error" in aside) == (name in GANS)
    assert ('id="marginals"' in text) == ('id="batch-tc"' in text) == (name not in NO_DENSITY)
    assert ('id="explore"' in text) == (name not in NO_SLIDERS)
    assert ("log p(x) is at least" in text) == (name not in NO_DENSITY)
    assert ("categories 0 to" in text) == (name in {"joint_factor_vae", *GANS})


@each_case
@pytest.mark.usefixtures("_ready_exports")
def test_a_release_has_what_the_model_can_do_and_a_card(run, data, tmp_path):
    name, folder, _ = run
    entry = f"{name}-tiny"
    assert release(folder, entry, root=tmp_path, data=data, quick=True) == 1
    for saved in (entry, f"{entry}-decoder"):
        assert versions(tmp_path / "saved_models" / saved) == [1]
    there = tmp_path / "zoo" / entry
    pictures = {"traversals.png", "traversals.gif"} | (set() if name in NO_PRIOR else {"samples.png"})
    assert {file.name for file in there.iterdir()} == {"card.md", "experiment.json", "scores.json"} | pictures
    scores = json.loads((there / "scores.json").read_text())
    assert {metric for metric in in_all() if scores[metric]["score"] is None} == skipped_metrics(data)
    assert ("reconstruction" in scores) == (name not in GANS)
    text = (there / "card.md").read_text()
    assert text == card(there)
    rows, _, below = text.partition("## Scores")[2].partition("## Limits")[0].partition("Not scored")
    for metric in in_all():
        assert f"`{metric}`" in (below if metric in skipped_metrics(data) else rows)
    assert ("](samples.png)" in text) == (name not in NO_PRIOR)
