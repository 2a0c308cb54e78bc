import base64
import io
import re
import shutil
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests import tiny
from tfvae.analysis.aggregate_posterior import marginals
from tfvae.codes import Codes, latent_moments
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.loading import Trained
from tfvae.metrics import QUICK, in_all
from tfvae.models import VAE
from tfvae.report.contents import Contents, Subject
from tfvae.report.images import _tiled, add_neighbours, add_traversals
from tfvae.report.page import write_report
from tfvae.report.sliders import add_sliders

pytestmark = pytest.mark.usefixtures("few_draws")

SHAPE = (16, 16, 1)
SPACE = FactorSpace(("first", "second"), (np.arange(6), np.arange(8)))


class Page(HTMLParser):
    """The elements of a page with their attributes and text; checks that each end tag fits its start tag."""

    VOID = {"meta", "link", "img", "input", "path", "use", "rect"}

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        for tag in self.open:
            self.texts[tag] = self.texts.get(tag, "") + data

    def all(self, tag):
        return [attributes for other, attributes in self.elements if other == tag]


@pytest.fixture(scope="module")
def data():
    return GroundTruthData("blobs", SPACE, tiny.Blobs(48).images(np.arange(48)))


@pytest.fixture(scope="module")
def trained():
    decoder = tiny.decoder(shape=SHAPE)
    # Larger weights, so that a move of a latent shows.
    decoder.set_weights([3 * weight for weight in decoder.get_weights()])
    model = VAE(tiny.encoder(shape=SHAPE), decoder)
    return Trained(tf.function(model.call), SHAPE, model)


@pytest.fixture(scope="module")
def path(trained, data, few_draws, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    writer = tf.summary.create_file_writer(str(folder / "logs"))
    with writer.as_default():
        for step in (10, 20, 30):
            tf.summary.scalar("kl", 3.0 / step, step=step)
    writer.close()
    write_report(trained, data, folder / "index.html", title="<tiny> & co", logs=folder / "logs", quick=True)
    return folder / "index.html"


def test_the_page_needs_no_other_file(path):
    text = path.read_text()
    page = Page(text)
    for tag, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "srcset", "action"):
            assert attributes.get(name, "#").startswith(("data:", "#")), (tag, attributes)
    assert not re.search(r"@import|url\((?!#)", text)
    assert "default-src 'none'" in text
    assert "<h1>&lt;tiny&gt; &amp; co</h1>" in text
    assert page.all("html") == [{"lang": "en"}]
    identifiers = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    targets = [a["href"][1:] for a in page.all("a")]
    assert set(targets) <= set(identifiers)
    assert {"explore", "scores", "traversals", "marginals", "batch-tc", "samples", "curves"} <= set(targets)
    assert all(image.get("alt") for image in page.all("img"))


def test_the_page_has_every_score_and_its_error(path, trained, data):
    text = Page(path.read_text()).texts["td"]
    scores = evaluate(trained, data, parameters=QUICK, num_images=2_000)
    for name in in_all():
        assert f"{scores[name]['score']:.3f} ± {scores[name]['standard_error']:.3f}" in text
    nats = scores["reconstruction"]
    assert f"{nats['nats']:.2f} ± {nats['standard_error']:.2f}" in text
    assert f"{scores['kl']['total']:.2f}" in text


def test_each_latent_has_a_labelled_slider_by_descending_information(path, trained, data):
    page = Page(path.read_text())
    carried = np.array(evaluate(trained.represent, data, metrics=[])["latents"]["information"])
    sliders = page.all("input")
    order = [int(slider["data-latent"]) for slider in sliders]
    assert order == np.argsort(-carried).tolist()
    assert [label["for"] for label in page.all("label")] == [slider["id"] for slider in sliders]
    for latent in order:
        assert f"z{latent}{carried[latent]:.2f} nats" in page.texts["label"]
    assert len(page.all("button")) == 10 + 2


def test_latents_move_where_the_codes_lie_and_the_sliders_reach_there(data):
    encoder = tiny.encoder(shape=SHAPE)
    *others, bias = encoder.get_weights()
    encoder.set_weights([*others, bias + np.repeat([9, -1], tiny.DIM).astype(np.float32)])  # means far from the prior
    model = VAE(encoder, tiny.decoder(shape=SHAPE))
    able = model.capabilities()
    codes = Codes(able, data)
    mean, deviation = latent_moments(codes.outputs(np.arange(48)))
    subject = Subject(Trained(able.represent, SHAPE, model), able, codes, quick=True, seed=0)
    contents = Contents("far")
    add_traversals(contents, subject)
    add_sliders(contents, subject, marginals(codes, np.random.default_rng(0), images=48))
    rows = {row["label"]: row["values"] for row in contents.traversal if row["axis"] is None}
    for latent in range(tiny.DIM):
        ends = [float(end.replace("\u2212", "-")) for end in rows[f"z{latent}"].split(" to ")]
        expected = mean[latent] + deviation[latent] * np.array([-2, 2])
        np.testing.assert_allclose(ends, expected, atol=0.2 * deviation[latent] + 0.05)
    assert contents.explorer["half"] >= np.max(mean + 2 * deviation) > 9


def test_each_row_of_the_traversals_says_from_where_to_where_it_goes(path):
    text = path.read_text()
    assert len(re.findall(r"z\d <small>\S+ nats</small> <small class=.range.>\S+ to \S+</small>", text)) == tiny.DIM
    assert "<span>\u22122.0 sd</span>" in text


@pytest.mark.parametrize("files", [None, [f"holiday/{place}.jpg" for place in range(12)]])
def test_images_are_named_by_their_files_where_these_are_known(trained, files):
    data = ImageData("photos", tiny.Blobs(12).images(np.arange(12)))
    data.files = None if files is None else tuple(files)
    names = {f"image {place}" for place in range(12)} if files is None else {*files}
    subject = Subject(trained, trained.capabilities(), Codes(trained.capabilities(), data), quick=True, seed=0)
    contents = Contents("photos")
    add_traversals(contents, subject)
    add_neighbours(contents, subject)
    add_sliders(contents, subject, marginals(subject.codes, np.random.default_rng(0), images=12))
    originals, ends, nearest = contents.traversal[0], contents.ends[1:], contents.nearest[1:]
    assert len(names & {*re.split("[:;,] ", originals["alt"])}) == 11
    for row in ends:
        low, high = row["alt"].split("; high: ")
        assert {*low.split(": ")[1].split(", "), *high.split(", ")} <= names
    for row in nearest:
        assert {row["label"], *row["alt"].split("codes: ")[1].split(", ")} <= names
        assert row["alt"].startswith(row["label"])
    assert len(names & {start["label"] for start in contents.explorer["starts"]}) == 10


def test_an_empty_place_between_images_is_transparent():
    first, last = np.zeros((1, 3, 2, 1)), np.ones((1, 3, 2, 1))
    sheet = _tiled(np.stack([first, np.full_like(first, np.nan), last], axis=1), empty=1)
    assert sheet.shape == (3, 2 + 1 + 2 + 1 + 2 + 1 + 2, 4)
    assert (sheet[:, [0, 1, 6, 7], 3] == 255).all()
    assert (sheet[:, [3, 4, 5, 9, 10], 3] == 0).all()
    assert (sheet[:, [2, 8]] == (128, 128, 128, 80)).all()
    assert (sheet[:, :2, :3] == 0).all()
    assert (sheet[:, 6:8, :3] == 255).all()


def test_an_exported_encoder_has_scores_and_the_page_says_what_is_missing(data, trained, tmp_path):
    alone = Trained(
        trained.represent, SHAPE, experiment=Experiment(model="factor_vae", batch_size=128, steps=300_000), steps=48_000
    )
    write_report(alone, data, tmp_path / "a" / "page.html", quick=True)
    page = Page((tmp_path / "a" / "page.html").read_text())
    assert "48,000 steps of 128 images, of 300,000 planned, seed 0" in page.texts["dd"]
    assert "sliders, traversals, samples: skipped, because the model has no decoder" in page.texts["aside"]
    assert "reconstruction error, log p(x): skipped, because the likelihood p(x|z) is not known" in page.texts["aside"]
    assert "curves over training: skipped, because there is no folder logs/" in page.texts["aside"]
    assert not page.all("input")
    assert not page.all("canvas")
    assert {"scores", "marginals", "batch-tc"} <= {a["href"][1:] for a in page.all("a")}
    assert in_all() == [name for name in in_all() if name in page.texts["th"]]


def test_a_metric_that_cannot_be_measured_is_listed_with_its_error(data, trained, tmp_path, monkeypatch):
    monkeypatch.setitem(QUICK, "mig", {"samples": 1})
    write_report(trained, data, tmp_path / "page.html", quick=True)
    page = Page((tmp_path / "page.html").read_text())
    assert "mig: skipped, because of an error: Expected" in page.texts["aside"]
    assert "mig" not in page.texts["th"]
    assert "sap" in page.texts["th"]


def test_images_without_factors_have_the_scores_that_need_none(trained, tmp_path):
    data = ImageData("blobs", tiny.Blobs(600).images(np.arange(600)))
    write_report(trained, data, tmp_path / "page.html", quick=True)
    page = Page((tmp_path / "page.html").read_text())
    scores = evaluate(trained.represent, data, parameters=QUICK)
    skipped = ", ".join(name for name in in_all() if scores[name]["score"] is None)
    assert f"{skipped}: skipped, because the data have no factors" in page.texts["aside"]
    assert f"{scores['predictability']['score']:.3f} ± " in page.texts["td"]
    assert page.all("canvas")


def test_sliders_are_skipped_where_the_page_would_draw_other_images(data, tmp_path):
    networks = tiny.encoder(shape=SHAPE), tiny.decoder(shape=SHAPE)
    model = VAE(*networks, likelihood="continuous_bernoulli")
    write_report(Trained(tf.function(model.call), SHAPE, model), data, tmp_path / "page.html", quick=True)
    page = Page((tmp_path / "page.html").read_text())
    assert "sliders: skipped, because of the decoder: Expected images that are the sigmoid" in page.texts["aside"]
    assert not page.all("canvas")


def test_reasons_are_listed_once_with_all_that_they_explain():
    contents = Contents("title")
    for what, why in [("a", "first"), ("b", "second"), ("c", "first")]:
        contents.skip(what, why)
    assert contents.skipped_by_reason() == [("a, c", "first"), ("b", "second")]


def test_a_decoder_that_the_page_cannot_run_still_has_traversals(data, trained, tmp_path):
    z = keras.Input((tiny.DIM,))
    model = VAE(trained.model.encoder, keras.Model(z, trained.model.decoder(z)))
    write_report(Trained(model, SHAPE, model), data, tmp_path / "page.html", quick=True)
    page = Page((tmp_path / "page.html").read_text())
    assert (
        "sliders: skipped, because of the decoder: Expected a decoder that is a keras.Sequential" in page.texts["aside"]
    )
    assert "traversals" in {a["href"][1:] for a in page.all("a")}


def test_an_existing_page_is_kept_and_a_failed_one_leaves_nothing(data, trained, tmp_path, monkeypatch):
    (tmp_path / "page.html").write_text("mine")
    with pytest.raises(FileExistsError, match="which exists"):
        write_report(trained, data, tmp_path / "page.html", quick=True)
    with pytest.raises(ValueError, match=r"Expected images \(16, 16, 1\)"):
        write_report(trained, ImageData("other", np.zeros((5, 8, 8, 1), np.uint8)), tmp_path / "new.html")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("page.html", "mine")]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="pip install playwright")
    chromium = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # Chromium has no sandbox for root.
        browser = started.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


def test_sliders_move_the_image_by_keys_as_the_decoder_does(path, browser, trained):
    page, requests, complaints = browser.new_page(offline=True), [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())

    def pixels():
        # Wait two frames: what an event asks for is drawn in the next one.
        uri = page.evaluate(
            """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
              done(document.getElementById("decoded").toDataURL("image/png")))))"""
        )
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))).convert("RGBA")).astype(int)

    def code():
        values = page.evaluate(
            "() => [...document.querySelectorAll('input[data-latent]')].map((s) => [s.dataset.latent, s.value])"
        )
        found = np.zeros(tiny.DIM, np.float32)
        for latent, value in values:
            found[int(latent)] = float(value)
        return found

    def assert_is_decoded():
        expected = 255 * trained.model.decode(code()[np.newaxis]).numpy()[0]
        shown = pixels()
        # A slider's text has all digits of its value; a level is rounded.
        np.testing.assert_allclose(shown[..., :1], expected, atol=1.01)
        assert (shown[..., 3] == 255).all()
        return shown

    lines = """() => [...document.querySelectorAll("td.number")].map((cell) => {
        const range = document.createRange();
        range.selectNodeContents(cell);
        return new Set([...range.getClientRects()].map((box) => box.top)).size;
    })"""
    assert set(page.evaluate(lines)) == {1}  # no score is apart from its error

    start, begun = code(), assert_is_decoded()
    slider = page.locator("input[data-latent]").first
    slider.focus()
    page.keyboard.press("End")
    moved = assert_is_decoded()
    assert np.abs(moved - begun).max() > 10
    assert float(slider.input_value()) == float(slider.get_attribute("max"))
    assert slider.get_attribute("aria-valuetext") == page.locator("output").first.inner_text()
    # A second slider, with the first still moved.
    page.locator("input[data-latent]").nth(1).focus()
    page.keyboard.press("Home")
    assert np.abs(assert_is_decoded() - moved).max() > 10

    page.get_by_role("button", name="Back to the start").click()
    np.testing.assert_array_equal(code(), start)
    np.testing.assert_array_equal(assert_is_decoded(), begun)
    page.locator("button[data-start='3']").click()
    assert np.abs(code() - start).max() > 0
    assert_is_decoded()
    assert page.locator("button[aria-pressed='true']").get_attribute("data-start") == "3"
    page.get_by_role("button", name="Draw from the prior").click()
    assert page.locator("button[aria-pressed='true']").count() == 0
    assert [url for url in requests if not url.startswith("data:")] == [path.as_uri()]
    assert complaints == []
    page.close()
