from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.metrics.reference import grid
from tfvae.analysis.training_curves import read_scalars
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.evaluation import evaluate
from tfvae.plots.traversals import traverse
from tfvae.training.looks import AtSteps, LogLatents, LogScores, LogTraversals, looks
from tfvae.training.train import train

QUICK = {
    "beta_vae": {"pairs": 2, "train": 20, "evaluation": 10, "repeats": 1},
    "factor_vae": {"votes": 20, "evaluation_votes": 20, "batch": 5, "repeats": 1},
}
NAMES = tuple(QUICK)


def labelled(n=40):
    """`tiny.Blobs` with two factors, which its images do not show."""
    factors = FactorSpace(("first", "second"), (np.arange(n // 4), np.arange(4)))
    return GroundTruthData("blobs", factors, tiny.Blobs(n).images(np.arange(n)))


def events(folder):
    """[(tag, step, plugin, tensor)] of all event files."""
    found = []
    for file in sorted(folder.glob("*tfevents*")):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                plugin = value.metadata.plugin_data.plugin_name
                found.append((value.tag, event.step, plugin, tf.make_ndarray(value.tensor)))
    return found


class Steps(AtSteps):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.seen = []

    def look(self, step):
        self.seen.append(step)


def state(model):
    return np.concatenate([tiny.weights(model), tiny.optimizer_state(model)])


def test_a_run_ends_with_the_same_bits_with_and_without_looks(tmp_path):
    data = labelled()
    plain = train(tiny.experiment(), tmp_path / "plain", data=data, progress=False)
    logs = tmp_path / "watched" / "logs"
    callbacks = [
        LogScores(data, logs, every=3, metrics=NAMES, parameters=QUICK, num_images=20),
        LogTraversals(data, logs, every=4),
        LogLatents(data, logs, every=2),
    ]
    watched = train(tiny.experiment(), tmp_path / "watched", data=data, progress=False, callbacks=callbacks)
    np.testing.assert_array_equal(state(watched), state(plain))
    before, after = read_scalars(tmp_path / "plain" / "logs"), read_scalars(logs)
    for tag, (steps, values) in before.items():
        np.testing.assert_array_equal(after[tag][0], steps)
        np.testing.assert_array_equal(after[tag][1], values)

    found = events(logs)
    steps = {tag: [step for other, step, _, _ in found if other == tag] for tag, *_ in found}
    assert steps["traversals"] == [4, 8]
    assert steps["latents/z0"] == steps["latents/z1"] == [2, 4, 6, 8]
    assert steps["scores/reconstruction"] == [3, 6]
    assert all(steps[f"scores/{name}"] == [3, 6] for name in NAMES)
    assert after["latent_kl/z1"][1].min() >= 0


def test_the_scores_and_latents_shown_are_those_of_the_model(tmp_path):
    data = labelled()
    model = train(tiny.experiment(steps=2), tmp_path / "run", data=data, progress=False)
    before = state(model)
    callback = LogScores(data, tmp_path / "logs", every=5, metrics=NAMES, parameters=QUICK, num_images=20, first_step=4)
    latents = LogLatents(data, tmp_path / "logs", every=5, num_images=40, first_step=4)
    # With a learning rate of 0, the step that is counted changes no weight of the autoencoder.
    model.optimizer.learning_rate = 0.0
    model.discriminator_optimizer.learning_rate = 0.0
    images = data.images(np.arange(8)).astype(np.float32) / 255
    model.fit(images, batch_size=8, verbose=0, callbacks=[callback, latents])
    assert (tiny.weights(model) == before[: tiny.weights(model).size]).all()
    expected = evaluate(model, data, metrics=NAMES, parameters=QUICK, num_images=20)
    shown = {tag: values[0] for tag, (_, values) in read_scalars(tmp_path / "logs").items()}
    for name in NAMES:
        assert shown[f"scores/{name}"] == pytest.approx(expected[name]["score"])
    assert shown["scores/reconstruction"] == pytest.approx(expected["reconstruction"]["nats"], rel=1e-4)
    for latent, kl in enumerate(expected["kl"]["latents"]):
        assert shown[f"latent_kl/z{latent}"] == pytest.approx(kl, rel=1e-3, abs=1e-6)
        nats = expected["latents"]["information"][latent]
        assert shown[f"latent_information/z{latent}"] == pytest.approx(nats, rel=1e-3, abs=1e-6)
    # A histogram's rows are (left, right, count); z's spread is that of its posterior means and variances.
    (histogram,) = [tensor for tag, _, _, tensor in events(tmp_path / "logs") if tag == "latents/z0"]
    assert histogram[:, 2].sum() == 40
    codes = model(data.images(np.arange(40)).astype(np.float32) / 255)
    mean, variance = codes["mean"].numpy()[:, 0], np.exp(codes["log_variance"].numpy()[:, 0])
    drawn = np.sum(histogram[:, :2].mean(axis=1) * histogram[:, 2]) / 40
    assert drawn == pytest.approx(mean.mean(), abs=float(4.5 * np.sqrt((mean.var() + variance.mean()) / 40)))


def test_a_traversal_is_a_picture_of_the_latents(tmp_path):
    model = tiny.make("vae")
    data = grid((2, 2, 2))
    data = GroundTruthData("noise", data.factors, np.uint8(255 * tiny.images(8)))
    model.fit(tiny.images(8), batch_size=8, verbose=0, callbacks=[LogTraversals(data, tmp_path, every=1)])
    ((tag, step, plugin, tensor),) = events(tmp_path)
    assert (tag, step, plugin) == ("traversals", 1, "images")
    picture = tf.io.decode_png(tensor[2]).numpy()
    assert picture.shape[:2] == (int(tensor[1]), int(tensor[0]))
    # Two rows of images and three of latents, each 64 pixels high, on white.
    assert picture.shape[0] > 5 * 64
    assert (picture == 255).all(axis=-1).mean() < 0.9


@pytest.mark.parametrize(
    ("together", "expected", "expected_after"),
    [(1, [3, 6, 9, 12], [15]), (2, [4, 6, 10, 12], [16]), (4, [4, 8, 12], [16])],
)
def test_looks_are_due_at_multiples_over_epochs_fits_and_executions(together, expected, expected_after, tmp_path):
    model = tiny.make("vae", compiled={"steps_per_execution": together})
    callback = Steps(tiny.Blobs(), tmp_path, every=3)
    for _ in range(3):
        model.fit(tiny.images(32), batch_size=8, verbose=0, callbacks=[callback])
    assert callback.seen == expected
    again = Steps(tiny.Blobs(), tmp_path, every=5)
    model.fit(tiny.images(32), batch_size=8, verbose=0, callbacks=[again])
    assert again.seen == expected_after  # the optimizer has counted 12


def test_a_run_that_resumes_continues_the_count(tmp_path, eager):
    data = labelled()
    train(tiny.experiment(steps=4), tmp_path, data=data, progress=False)
    callback = Steps(data, tmp_path, every=3)
    train(tiny.experiment(steps=8), tmp_path, data=data, progress=False, callbacks=[callback])
    assert callback.seen == [6]


def test_looks_are_all_of_them_and_write_nothing_before_they_are_due(tmp_path):
    assert [type(look) for look in looks(tiny.Blobs(), tmp_path, 5)] == [LogTraversals, LogLatents, LogScores]
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="every=0"):
        looks(labelled(), tmp_path, 0)


def of_factors(number):
    """32 tiny images with this number of factors that vary, and one that does not; without any for 0."""
    pixels = np.uint8(255 * tiny.images(32))
    if not number:
        return ImageData("unknown", pixels)
    sizes = {1: (32, 1), 3: (2, 2, 8, 1)}[number]
    return GroundTruthData("known", grid(sizes).factors, pixels)


@pytest.mark.parametrize("name", tiny.by_representation())
def test_looks_show_what_every_model_can_do_of_data_with_and_without_factors(name, tmp_path, untraced):
    model = tiny.make(name, **tiny.PARAMETERS.get(name, {}))
    # What is left out for the lack of factors does not depend on the model.
    numbers = (0, 1, 3) if name in ("vae", "anica", "info_gan") else (3,)
    callbacks = []
    for number in numbers:
        where = of_factors(number), tmp_path / str(number)
        scores = LogScores(*where, every=1, metrics=(*NAMES, "total_correlation"), parameters=QUICK)
        callbacks += [LogTraversals(*where, every=1), LogLatents(*where, every=1), scores]
    model.fit(tiny.examples(name, tiny.images(20)), batch_size=20, verbose=0, callbacks=callbacks)
    codes = model(tiny.images(32))
    dim = codes["mean"].shape[1]
    for number in numbers:
        shown = {tag for tag, *_ in events(tmp_path / str(number))}
        assert "traversals" in shown
        assert {tag for tag in shown if tag.startswith("latents/")} == {f"latents/z{latent}" for latent in range(dim)}
        assert "scores/total_correlation" in shown
        assert all((f"scores/{metric}" in shown) == (number > 1) for metric in NAMES)
        assert ("scores/reconstruction" in shown) == (model.log_likelihood is not None)
        kls = dim + ("probabilities" in codes) if "log_variance" in codes else 0
        for kind in ("latent_kl", "latent_information"):
            assert len([tag for tag in shown if tag.startswith(f"{kind}/")]) == kls


def test_a_deterministic_code_has_histograms_of_its_means(tmp_path, eager):
    model = tiny.make("anica")
    model.fit(tiny.images(16), batch_size=16, verbose=0, callbacks=[LogLatents(of_factors(0), tmp_path, every=1)])
    shown = {tag: tensor for tag, _, _, tensor in events(tmp_path)}
    mean = model(of_factors(0).images(np.arange(32)) / np.float32(255))["mean"].numpy()
    for latent, values in enumerate(mean.T):
        left, right, count = shown[f"latents/z{latent}"].T
        assert count.sum() == 32
        assert (left[0], right[-1]) == pytest.approx((values.min(), values.max()), rel=1e-5)


def test_traversals_reach_as_far_as_the_models_latents_do(tmp_path, eager, monkeypatch):
    reached = []

    def traversed(represent, decode, images, *, values):
        reached.append(None if values is None else (values.min(), values.max()))
        return traverse(represent, decode, images, values=values)

    monkeypatch.setattr("tfvae.training.looks.traverse", traversed)
    for name in ("vae", "info_gan"):
        callback = LogTraversals(of_factors(0), tmp_path, every=1)
        tiny.make(name).fit(tiny.images(8), batch_size=8, verbose=0, callbacks=[callback])
    assert reached == [None, (-1, 1)]  # None: where the codes lie


def test_there_is_no_traversal_where_there_is_no_picture(tmp_path, eager, monkeypatch):
    two_channels = ImageData("two", np.zeros((8, 4, 4, 2), np.uint8))
    model = tiny.make("vae")
    blind = replace(model.capabilities(), decode=None)
    for data, capabilities in ((two_channels, model.capabilities), (of_factors(0), lambda: blind)):
        monkeypatch.setattr(model, "capabilities", capabilities)
        callback = LogTraversals(data, tmp_path, every=1)
        model.fit(tiny.images(8), batch_size=8, verbose=0, callbacks=[callback])
    assert events(tmp_path) == []


def test_a_callback_shows_the_model_that_it_is_fitted_with(tmp_path, eager):
    data, callback = of_factors(0), LogLatents(of_factors(0), tmp_path, every=1)
    for shift in (0, 100):
        model = tiny.make("anica")
        kernel, bias = model.encoder.layers[-1].get_weights()
        model.encoder.layers[-1].set_weights([kernel, bias + shift])
        model.fit(tiny.images(8), batch_size=8, verbose=0, callbacks=[callback])
    last = [tensor for tag, _, _, tensor in events(tmp_path) if tag == "latents/z0"][-1]
    assert last[:, 0].min() > 50
    assert len(data) == last[:, 2].sum()
