import os
import shutil
from pathlib import Path

import pytest

from tests import tiny
from tests.training.runs import ADAM, content, run
from tfvae.models.build import completed
from tfvae.training.checks import check_workdir
from tfvae.training.train import train

GAN = {"model": "info_wgan_gp", "architecture": "table_5", "optimizers": ADAM}


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 1, "batch_size": 16}, r"seed=0 \(now 1\)"),
        ({"seed": 1, "batch_size": 16}, r"batch_size=8 \(now 16\)"),
        ({"parameters": {"gamma": 6.0}}, r"parameters=\{.*'gamma': 5.0.*\(now \{.*'gamma': 6.0"),
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


def test_a_folder_of_another_experiment_is_refused_before_the_data_are_read(tmp_path):
    tiny.experiment(seed=1).save(tmp_path / "experiment.json")
    with pytest.raises(FileExistsError, match="another experiment"):
        train(tiny.experiment(data="folder:absent"), tmp_path)


def test_a_damaged_experiment_is_refused_with_the_way_out_if_something_was_trained(uninterrupted, tmp_path):
    workdir = shutil.copytree(uninterrupted[0], tmp_path / "run")
    (workdir / "experiment.json").write_text("")
    before = content(workdir)
    with pytest.raises(ValueError, match=rf"{workdir}/experiment\.json.*Put the experiment that this run was started"):
        run(tiny.experiment(), workdir)
    assert content(workdir) == before


def test_a_damaged_experiment_is_written_again_if_nothing_was_trained(tmp_path, caplog):
    (tmp_path / "experiment.json").write_bytes(bytes(100))
    check_workdir(tmp_path, completed(tiny.experiment()))
    assert "experiment.json" in caplog.text
    assert "written again" in caplog.text


def test_fewer_steps_than_the_run_has_taken_are_refused_and_change_nothing(uninterrupted):
    workdir, _ = uninterrupted
    before = content(workdir)
    with pytest.raises(ValueError, match=r"8 steps already\. Received: steps=6"):
        run(tiny.experiment(steps=6), workdir)
    assert content(workdir) == before


def test_a_folder_with_something_else_in_it_is_refused_and_untouched(tmp_path):
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
            {"model": "info_gan", "architecture": "table_1", "parameters": {}, "optimizers": ADAM},
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


def test_anything_but_images_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(TypeError, match=r"Received: .*list"):
        run(tiny.experiment(), tmp_path / "run", data=[[0, 1], [1, 0]])
    assert os.listdir(tmp_path) == []


def test_a_batch_that_replicas_cannot_share_is_refused(mirrored, tmp_path):
    with pytest.raises(ValueError, match=r"multiple of 4 for factor_vae on 2 device\(s\). Received: batch_size=6"):
        run(tiny.experiment(batch_size=6), tmp_path / "run", strategy=mirrored)
    assert os.listdir(tmp_path) == []
