import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.metrics.reference import grid
from tfvae.analysis.training_curves import read_scalars
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.evaluation import evaluate
from tfvae.metrics import METRICS
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


def test_a_run_ends_with_the_same_bits_with_and_without(tmp_path):
    data = labelled()
    plain = train(tiny.experiment(), tmp_path / "plain", data=data, progress=False)
    logs = tmp_path / "watched" / "logs"
    callbacks = [
        LogScores(data, logs, every=3, metrics=NAMES, parameters=QUICK, images=20),
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


def test_what_is_shown_is_the_models_own(tmp_path):
    data = labelled()
    model = tiny.make("vae", optimizers=None)
    model = train(tiny.experiment(steps=2), tmp_path / "run", data=data, progress=False)
    before = state(model)
    callback = LogScores(data, tmp_path / "logs", every=5, metrics=NAMES, parameters=QUICK, images=20, first_step=4)
    latents = LogLatents(data, tmp_path / "logs", every=5, images=40, first_step=4)
    # A learning rate of 0: the step that is counted changes no weight of the autoencoder.
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
def test_steps_are_counted_over_epochs_fits_and_executions(together, expected, expected_after, tmp_path):
    model = tiny.make("vae", compiled={"steps_per_execution": together})
    callback = Steps(None, tmp_path, every=3)
    for _ in range(3):
        model.fit(tiny.images(32), batch_size=8, verbose=0, callbacks=[callback])
    assert callback.seen == expected
    again = Steps(None, tmp_path, every=5)
    model.fit(tiny.images(32), batch_size=8, verbose=0, callbacks=[again])
    assert again.seen == expected_after  # the optimizer has counted 12


def test_a_run_that_goes_on_counts_on(tmp_path):
    data = labelled()
    train(tiny.experiment(steps=4), tmp_path, data=data, progress=False)
    callback = Steps(data, tmp_path, every=3)
    train(tiny.experiment(steps=8), tmp_path, data=data, progress=False, callbacks=[callback])
    assert callback.seen == [6]


def test_looks_has_scores_where_factors_are_known(tmp_path):
    assert [type(look) for look in looks(labelled(), tmp_path, 5)] == [LogTraversals, LogLatents, LogScores]
    assert [type(look) for look in looks(tiny.Blobs(), tmp_path, 5)] == [LogTraversals, LogLatents]
    assert not list(tmp_path.iterdir())
    assert all(isinstance(look, keras.callbacks.Callback) for look in looks(tiny.Blobs(), tmp_path, 5))
    assert looks(labelled(), tmp_path, 5)[2].metrics == tuple(METRICS)
    with pytest.raises(ValueError, match="every=0"):
        looks(labelled(), tmp_path, 0)
