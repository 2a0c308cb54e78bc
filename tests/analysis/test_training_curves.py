import numpy as np
import pytest
import tensorflow as tf

from tests import tiny
from tfvae.analysis.training_curves import read_scalars
from tfvae.training.train import train


def write(folder, points, suffix=""):
    writer = tf.summary.create_file_writer(str(folder), filename_suffix=suffix)
    with writer.as_default():
        for step, value in points:
            tf.summary.scalar("kl", value, step=step)
            tf.summary.histogram("latents", [value, 2 * value], step=step)
            tf.summary.image("picture", np.zeros((1, 4, 4, 1)), step=step)
    writer.close()


def test_scalars_alone_are_read_in_order(tmp_path):
    write(tmp_path, [(10, 0.5), (30, 0.25), (20, 0.125)])
    found = read_scalars(tmp_path)
    assert set(found) == {"kl"}
    steps, values = found["kl"]
    assert steps.tolist() == [10, 20, 30]
    assert values.tolist() == [0.5, 0.125, 0.25]


def test_the_file_written_last_holds_and_a_torn_end_is_left_out(tmp_path):
    write(tmp_path, [(10, 1.0), (20, 2.0), (30, 3.0)])
    (first,) = tmp_path.glob("*tfevents*")
    first.write_bytes(first.read_bytes()[:-5])
    first.rename(tmp_path / "events.out.tfevents.1000000000.host")
    write(tmp_path, [(20, 5.0)])
    assert dict(zip(*map(np.ndarray.tolist, read_scalars(tmp_path)["kl"]), strict=True)) == {10: 1, 20: 5, 30: 3}


def test_a_trainings_own_curves(tmp_path):
    train(tiny.experiment(steps=4), tmp_path, data=tiny.Blobs(), progress=False)
    found = read_scalars(tmp_path / "logs")
    assert {"kl", "total_correlation", "discriminator_accuracy"} <= set(found)
    assert all(steps.tolist() == [2, 4] for steps, _ in found.values())


def test_says_that_there_is_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="There are none in"):
        read_scalars(tmp_path)
