import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tests.ports import free_ports
from tfvae.data.batches import batches
from tfvae.models import MODELS, FactorVAE
from tfvae.training import build_model, train

ROOT = Path(__file__).parents[1]
ADAM = {"optimizer": {"learning_rate": 1e-3}}
GANS = {
    "info_gan": {"architecture": "table_5", "parameters": {"categories": 3, "noise_dim": 5}},
    "info_wgan_gp": {"architecture": "table_5", "parameters": {"categories": 3, "noise_dim": 5, "n_critic": 2}},
}

GAN = {"model": "info_wgan_gp", "architecture": "table_5", "optimizers": ADAM}


def run(experiment, workdir, **kwargs):
    return train(experiment, workdir, progress=False, **({"data": tiny.Blobs()} | kwargs))


def state(model):
    return np.concatenate([tiny.weights(model), tiny.optimizer_state(model)])


def scalars(workdir):
    """What TensorBoard shows: {name: {step: value}}."""
    shown = {}
    for file in sorted((workdir / "logs").iterdir()):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                shown.setdefault(value.tag, {})[event.step] = float(tf.make_ndarray(value.tensor))
    return shown


def logged(workdir):
    """The steps of the entries in the event files, each as often as it is there."""
    events = [
        tf.compat.v1.Event.FromString(record.numpy())
        for file in (workdir / "logs").iterdir()
        for record in tf.data.TFRecordDataset(str(file))
    ]
    return sorted(event.step for event in events for value in event.summary.value if value.tag == "loss")


def checkpoints(workdir):
    """The steps that can be gone on from."""
    return sorted(int(path.stem.removeprefix("step-")) for path in (workdir / "checkpoints").glob("*.index"))


def assert_same_scalars(workdir, expected):
    shown, expected = scalars(workdir), scalars(expected)
    assert set(shown) == set(expected)
    for name, values in shown.items():
        assert values == pytest.approx(expected[name], rel=1e-4, abs=1e-5), name


def content(folder):
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The folder and the end state of 8 steps."""
    workdir = tmp_path_factory.mktemp("uninterrupted") / "run"
    return workdir, state(run(tiny.experiment(), workdir))


def test_training_equals_a_plain_loop_over_the_batches(uninterrupted):
    workdir, end = uninterrupted
    experiment, data = tiny.experiment(), tiny.Blobs()
    model, logs = build_model(experiment, (16, 16, 1)), []
    for batch in batches(data, 8, seed=experiment.seed, steps=8):
        model.reset_metrics()
        logs.append(model.train_on_batch(batch, return_dict=True))
    np.testing.assert_array_equal(state(model), end)
    shown = scalars(workdir)
    assert set(shown) == set(model.logged)
    for name, values in shown.items():
        # An entry is the mean over the two steps that it ends.
        expected = {step: (logs[step - 2][name] + logs[step - 1][name]) / 2 for step in (2, 4, 6, 8)}
        assert values == pytest.approx(expected, rel=1e-5, abs=1e-6), name


def test_a_run_leaves_what_is_documented(uninterrupted):
    workdir, end = uninterrupted
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    assert checkpoints(workdir) == [4, 8]
    assert json.loads((workdir / "experiment.json").read_text())["parameters"] == {"gamma": 5.0}
    np.testing.assert_array_equal(state(keras.models.load_model(workdir / "model.keras")), end)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_trains(name, tmp_path):
    settings = {"parameters": {}, "optimizers": ADAM, "steps": 40, "log_every": 20, "checkpoint_every": 40}
    model = run(tiny.experiment(model=name, **settings | GANS.get(name, {})), tmp_path)
    shown = scalars(tmp_path)
    losses = shown.get("reconstruction") or {step: -value for step, value in shown["mutual_information"].items()}
    assert losses[40] < losses[20]
    np.testing.assert_array_equal(state(keras.models.load_model(tmp_path / "model.keras")), state(model))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("annealed_vae", {"annealing_steps": 6}), ("vae", {"likelihood": "gaussian"})],
    ids=["capacity", "trained_scale"],
)
def test_a_run_goes_on_with_what_is_in_no_network(name, parameters, tmp_path):
    settings = {"model": name, "parameters": parameters, "optimizers": ADAM}
    whole = run(tiny.experiment(**settings), tmp_path / "whole")
    run(tiny.experiment(**settings, steps=4), tmp_path / "run")
    np.testing.assert_array_equal(state(run(tiny.experiment(**settings), tmp_path / "run")), state(whole))
    assert_same_scalars(tmp_path / "run", tmp_path / "whole")


def failing_data(at):
    def fail(calls):
        if calls == at:
            raise OSError("the disk is gone")

    return {"data": tiny.Blobs(before=fail)}


def test_a_run_whose_data_failed_goes_on_as_if_nothing_had_happened(uninterrupted, tmp_path):
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(tiny.experiment(), tmp_path, **failing_data(at=7))
    assert not (tmp_path / "model.keras").exists()
    np.testing.assert_array_equal(state(run(tiny.experiment(), tmp_path)), uninterrupted[1])


def test_a_gan_goes_on_as_if_nothing_had_happened(tmp_path):
    # Its batch norms have moving statistics, and of its optimizers one makes n_critic steps for each of the other's.
    experiment = tiny.experiment(
        model="info_wgan_gp", optimizers=ADAM, steps=4, checkpoint_every=2, **GANS["info_wgan_gp"]
    )
    whole = run(experiment, tmp_path / "whole")
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(experiment, tmp_path / "run", **failing_data(at=5))
    assert checkpoints(tmp_path / "run") == [2]
    np.testing.assert_array_equal(state(run(experiment, tmp_path / "run")), state(whole))
    assert (whole.optimizer.iterations, whole.discriminator_optimizer.iterations) == (4, 8)


def test_steps_that_float16_leaves_out_count(tmp_path):
    # A step whose gradients overflow halves the scale of the loss, and the optimizer does not count it.
    settings = {"model": "vae", "parameters": {}, "optimizers": ADAM, "precision": "mixed_float16"}
    whole = run(tiny.experiment(**settings, log_every=1, checkpoint_every=2), tmp_path / "whole")
    assert whole.optimizer.iterations < 8
    assert list(scalars(tmp_path / "whole")["loss"]) == list(range(1, 9))
    assert checkpoints(tmp_path / "whole") == [6, 8]
    with pytest.raises(tf.errors.OpError, match="the disk is gone"):
        run(tiny.experiment(**settings), tmp_path / "run", **failing_data(at=7))
    np.testing.assert_array_equal(state(run(tiny.experiment(**settings), tmp_path / "run")), state(whole))


@pytest.mark.parametrize(
    ("when", "at", "error", "raised", "named"),
    [
        ("after", 4, KeyboardInterrupt(), KeyboardInterrupt, None),
        ("after", 8, KeyboardInterrupt(), KeyboardInterrupt, None),
        (
            "before",
            8,
            tf.errors.ResourceExhaustedError(None, None, "disk full"),
            OSError,
            r"step 8 could not be written.*disk full.*step-4",
        ),
        ("before", 8, OSError(errno.ENOSPC, "No space left"), OSError, r"step 8 could not .*No space left.*step-4"),
    ],
    ids=["after_4", "after_8", "disk_full_at_8", "disk_full_at_8_in_python"],
)
def test_a_run_stopped_around_a_checkpoint_goes_on_as_if_nothing_had_happened(
    when, at, error, raised, named, uninterrupted, tmp_path, monkeypatch
):
    write = tf.train.Checkpoint.write

    def stopped(self, path, *args):
        if when == "after":
            write(self, path, *args)
        if path.endswith(f"step-{at}"):
            raise error
        if when == "before":
            write(self, path, *args)

    with monkeypatch.context() as patched:
        patched.setattr(tf.train.Checkpoint, "write", stopped)
        with pytest.raises(raised, match=named):
            run(tiny.experiment(), tmp_path)
    assert not (tmp_path / "model.keras").exists()
    assert logged(tmp_path) == [step for step in (2, 4, 6, 8) if step <= at]  # some of which come again
    np.testing.assert_array_equal(state(run(tiny.experiment(), tmp_path)), uninterrupted[1])
    assert (tmp_path / "model.keras").exists()
    assert logged(tmp_path) == [2, 4, 6, 8]


def test_a_finished_run_stays_as_it_is(uninterrupted, tmp_path):
    workdir = shutil.copytree(uninterrupted[0], tmp_path / "run")
    (workdir / "model.keras").unlink()
    # What is left of files that were being written when their process was killed.
    (workdir / "checkpoints" / "step-6_temp").mkdir()
    for name in ("checkpoints/.checkpoint.17.tmp", ".experiment.17.tmp.json", ".model.17.tmp.keras"):
        (workdir / name).write_text("half")
    asked = []
    model = run(tiny.experiment(), workdir, data=tiny.Blobs(before=asked.append))
    np.testing.assert_array_equal(state(model), uninterrupted[1])
    np.testing.assert_array_equal(state(keras.models.load_model(workdir / "model.keras")), uninterrupted[1])
    assert len(asked) <= 1
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    names = os.listdir(workdir / "checkpoints")
    assert sorted({name.partition(".")[0] for name in names}) == ["checkpoint", "step-4", "step-8"]


def test_a_run_that_was_killed_as_it_began_begins_again(tmp_path):
    (tmp_path / ".experiment.17.tmp.json").write_text("{")
    run(tiny.experiment(steps=2), tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["checkpoints", "experiment.json", "logs", "model.keras"]


def test_steps_that_do_not_fill_a_log_entry_and_grow_later(uninterrupted, tmp_path):
    workdir = tmp_path / "run"
    run(tiny.experiment(steps=5), workdir)
    assert list(scalars(workdir)["loss"]) == [2, 4, 5]
    assert checkpoints(workdir) == [4, 5]
    other = shutil.copytree(workdir, tmp_path / "other")
    # Log entries and checkpoints are then due where a run that was never shorter has them.
    np.testing.assert_array_equal(state(run(tiny.experiment(), workdir)), uninterrupted[1])
    assert list(scalars(workdir)["loss"]) == [2, 4, 5, 6, 8]
    assert json.loads((workdir / "experiment.json").read_text())["steps"] == 8
    with pytest.raises(tf.errors.OpError):
        run(tiny.experiment(steps=30), other, **failing_data(at=16))
    assert checkpoints(other)[-1] in (8, 12, 16)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1, "batch_size": 16}, r"seed=0 \(now 1\)"),
        ({"seed": 1, "batch_size": 16}, r"batch_size=8 \(now 16\)"),
        ({"parameters": {"gamma": 6.0}}, r"parameters=\{'gamma': 5.0\} \(now \{'gamma': 6.0\}\)"),
    ],
)
def test_a_folder_of_another_experiment_is_refused_and_untouched(changes, named, uninterrupted):
    workdir, _ = uninterrupted
    before = content(workdir)
    with pytest.raises(FileExistsError, match=named) as raised:
        run(tiny.experiment(**changes), workdir)
    assert str(workdir) in str(raised.value)
    assert "latent_dim" not in str(raised.value)
    assert content(workdir) == before


def test_fewer_steps_than_were_done_are_refused_and_change_nothing(uninterrupted):
    workdir, _ = uninterrupted
    before = content(workdir)
    with pytest.raises(ValueError, match=r"8 steps already\. Received: steps=6"):
        run(tiny.experiment(steps=6), workdir)
    assert content(workdir) == before


def test_a_folder_with_something_else_is_refused_and_untouched(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    for workdir in (tmp_path, tmp_path / "notes.txt"):
        with pytest.raises(FileExistsError, match="new or empty folder"):
            run(tiny.experiment(), workdir)
    assert content(tmp_path) == {Path("notes.txt"): b"mine"}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"model": "factor_vea"}, r"model .*'beta_vae', .*'factor_vae', .*'vae'.* Received: 'factor_vea'"),
        ({"architecture": "table_9"}, r"architecture .*'table_1', 'table_2', 'table_3'.* Received: 'table_9'"),
        ({"parameters": {"gama": 5.0}}, "gama"),
        ({"parameters": {"gamma": -5.0}}, "gamma=-5.0"),
        ({"discriminator": {"depht": 2}}, "depht"),
        ({"optimizers": {"optimiser": {}}}, "optimiser"),
        ({"optimizers": {"optimizer": {"learning_rat": 0.1}}}, "learning_rat"),
        ({"model": "vae", "parameters": {"beta": 2.0}, "optimizers": ADAM}, "beta"),
        ({"model": "vae", "parameters": {}, "optimizers": ADAM | {"discriminator_optimizer": {}}}, "discriminator_opt"),
        (
            {"model": "info_gan", "parameters": {}, "optimizers": ADAM},
            r"\['table_4', 'table_5', 'table_6'\] for InfoGAN",
        ),
        ({**GAN, "parameters": {"n_critic": 3}}, "multiple of 3 for info_wgan_gp on 1 .*batch_size=8"),
        ({"batch_size": 42}, "at most the 40 images. Received: batch_size=42"),
        ({"batch_size": 7}, "multiple of 2 for factor_vae.* Received: batch_size=7"),
        ({"precision": "mixed_float15"}, "mixed_float15"),
    ],
    ids=str,
)
def test_a_mistake_is_named_before_anything_is_written(changes, named, tmp_path):
    with pytest.raises(ValueError, match=named):
        run(tiny.experiment(**changes), tmp_path / "run")
    assert os.listdir(tmp_path) == []


def test_an_unknown_data_set_is_named_before_anything_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"dsprites.*Received: name='dsprite'"):
        train(tiny.experiment(data="dsprite"), tmp_path / "run", progress=False)
    assert os.listdir(tmp_path) == []


def test_a_loss_that_is_not_finite_stops_the_run_at_the_last_good_checkpoint(uninterrupted, tmp_path, monkeypatch):
    loss_terms = FactorVAE.loss_terms

    def exploding(self, images, posterior, z):
        terms = loss_terms(self, images, posterior, z)
        return terms | {"loss": tf.where(self.optimizer.iterations < 5, terms["loss"], np.inf)}

    with monkeypatch.context() as patched:
        patched.setattr(FactorVAE, "loss_terms", exploding)
        with pytest.raises(FloatingPointError, match=r"between steps 4 and 6: loss is inf.*step-4"):
            run(tiny.experiment(), tmp_path)
    assert checkpoints(tmp_path) == [4]
    assert not (tmp_path / "model.keras").exists()
    np.testing.assert_array_equal(state(run(tiny.experiment(), tmp_path)), uninterrupted[1])


def test_a_learning_rate_that_is_too_large_stops_the_run(tmp_path):
    rates = {name: {"learning_rate": 1e30} for name in ("optimizer", "discriminator_optimizer")}
    with pytest.raises(FloatingPointError, match=r"learning rate.* checkpoint: none"):
        run(tiny.experiment(optimizers=rates), tmp_path)


def test_two_replicas_begin_what_one_device_ends(mirrored, uninterrupted, tmp_path):
    run(tiny.experiment(steps=6), tmp_path, strategy=mirrored)
    assert checkpoints(tmp_path) == [4, 6]
    model = run(tiny.experiment(), tmp_path)
    np.testing.assert_allclose(state(model), uninterrupted[1], rtol=1e-6, atol=1e-6)
    assert_same_scalars(tmp_path, uninterrupted[0])


def test_images_on_the_device_change_nothing(uninterrupted, mirrored, tmp_path):
    model = run(tiny.experiment(), tmp_path, resident=True)
    np.testing.assert_array_equal(state(model), uninterrupted[1])
    assert scalars(tmp_path) == scalars(uninterrupted[0])
    assert model.steps_per_execution == 1
    images = tiny.Blobs().images(np.arange(8)) / np.float32(255)
    assert model.evaluate(images, verbose=0, return_dict=True).keys() == set(model.logged)
    with pytest.raises(ValueError, match=r"one device.*Received: 2 replicas"):
        run(tiny.experiment(), tmp_path / "two", strategy=mirrored, resident=True)
    assert not (tmp_path / "two").exists()


def test_a_batch_that_replicas_cannot_share_is_refused(mirrored, tmp_path):
    with pytest.raises(ValueError, match=r"multiple of 4 for factor_vae on 2 device\(s\). Received: batch_size=6"):
        run(tiny.experiment(batch_size=6), tmp_path / "run", strategy=mirrored)
    assert os.listdir(tmp_path) == []


def start(code, *arguments, output, **environment):
    """A Python process on this machine's processor, that knows `tests` and writes what it says to the file `output`."""
    base = {key: value for key, value in os.environ.items() if key != "TF_CONFIG"}
    base |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTEROP_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with output.open("w") as file:
        return subprocess.Popen(command, cwd=ROOT, env=base | environment, stdout=file, stderr=subprocess.STDOUT)


def exit_codes(processes, seconds=300):
    """The exit codes, when all have ended or one has failed, for which the others would wait. None is left running."""
    late = time.monotonic() + seconds
    try:
        while any(process.poll() is None for process in processes) and not any(process.poll() for process in processes):
            if time.monotonic() > late:
                pytest.fail(f"The processes were not at their end after {seconds} seconds")
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [process.returncode for process in processes]


WORKER = """
import os, signal, sys
from pathlib import Path
from tfvae import distribute
strategy = distribute.strategy("multi_worker")
from tests import tiny
from tfvae.training import train

def kill(calls):
    if len(sys.argv) > 2 and Path(sys.argv[2], "checkpoints", "step-2.index").exists():
        os.kill(os.getpid(), signal.SIGKILL)

train(tiny.experiment(checkpoint_every=2), sys.argv[1], strategy, data=tiny.Blobs(before=kill), progress=False)
"""


@pytest.mark.slow
def test_two_processes_of_which_one_is_killed_end_like_one_device(uninterrupted, tmp_path):
    workdir, other = tmp_path / "run", tmp_path / "other"
    outputs = [tmp_path / "output_0", tmp_path / "output_1"]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}

    def start_both(*folders):
        configs = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
        return [
            start(WORKER, *arguments, output=output, TF_CONFIG=json.dumps(config))
            for arguments, output, config in zip(folders, outputs, configs, strict=True)
        ]

    def said():
        return "\n---\n".join(output.read_text()[-3000:] for output in outputs)

    # At first the second worker has a folder of its own: nothing appears in it, as only the chief writes.
    survivor, killed = start_both([workdir], [other, workdir])
    try:
        assert exit_codes([killed]) == [-signal.SIGKILL], said()
        assert survivor.wait(timeout=120) == 1, said()
    finally:
        survivor.kill()
        survivor.wait()
    assert "ConnectionError: Another worker has ended, and none can go on alone" in said()
    assert not other.exists()
    assert checkpoints(workdir)[-1] in (2, 4, 6)

    assert exit_codes(start_both([workdir], [workdir])) == [0, 0], said()
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    # One file for each of the chief's two runs.
    assert len(os.listdir(workdir / "logs")) == 2
    assert logged(workdir) == [2, 4, 6, 8]
    assert checkpoints(workdir) == [6, 8]
    model = keras.models.load_model(workdir / "model.keras")
    np.testing.assert_allclose(state(model), uninterrupted[1], rtol=1e-6, atol=1e-6)
    assert_same_scalars(workdir, uninterrupted[0])
