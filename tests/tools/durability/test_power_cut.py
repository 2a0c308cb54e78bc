"""What strace shows is understood: a sound writer has no fault, and each fault is found."""

import shutil
import sys
from pathlib import Path

import pytest

from tools.durability.power_cut import joined, lost, traced

ROOT = Path(__file__).parents[3]
SOUND = [
    'openat(AT_FDCWD</w>, "/w/.a.tmp", O_WRONLY|O_CREAT) = 3</w/.a.tmp>',
    '7 write(3</w/.a.tmp>, "x", 1) = 1',
    "7 fsync(4</w/.a.tmp>) = 0",
    '7 rename("/w/.a.tmp", "/w/a") = 0',
    "7 fsync(4</w>)          = 0",
]


@pytest.mark.parametrize(
    ("calls", "faults"),
    [
        (SOUND, []),
        ([SOUND[0], SOUND[1], *SOUND[3:]], ["/w/a gets its name before /w/.a.tmp is flushed"]),
        ([*SOUND[:3], SOUND[1], *SOUND[3:]], ["/w/a gets its name before /w/.a.tmp is flushed"]),
        (SOUND[:4], ["the name of /w/a is not flushed"]),
        ([*SOUND[:3], SOUND[4], SOUND[3]], ["the name of /w/a is not flushed"]),
    ],
    ids=["sound", "never_flushed", "written_after_the_flush", "no_folder", "folder_too_early"],
)
def test_what_a_power_cut_would_lose_is_found(calls, faults):
    assert lost(calls, Path("/w")) == (faults, 1)


def test_what_a_list_names_is_flushed_before_it():
    calls = [
        *SOUND[:2],
        '7 write(5</w/step-1.index>, "x", 1) = 1',
        SOUND[2],
        SOUND[3].replace("/w/a", "/w/list"),
        SOUND[4],
    ]
    assert lost(calls, Path("/w")) == ([], 1)
    fault = "/w/list gets its name before /w/step-1.index is flushed"
    assert lost(calls, Path("/w"), lists="list") == ([fault], 1)


def test_files_within_a_folder_count(tmp_path):
    calls = [
        '7 write(3</w/.a.tmp/x>, "x", 1) = 1',
        '7 rename("/w/.a.tmp", "/w/1") = 0',
        "7 fsync(4</w>) = 0",
    ]
    assert lost(calls, Path("/w"))[0] == ["/w/1 gets its name before /w/.a.tmp/x is flushed"]
    assert lost(calls, Path("/w"), names="other") == ([], 0)
    removed = [calls[0], '7 unlink("/w/.a.tmp/x") = 0', *calls[1:]]
    assert lost(removed, Path("/w")) == ([], 1)


def test_calls_that_another_thread_interrupts_are_joined():
    lines = ["7 fsync(4</w/a> <unfinished ...>\n", '8 write(3</w/b>, "x", 1) = 1\n', "7 <... fsync resumed>) = 0\n"]
    found = [" ".join(line.split()) for line in joined(lines)]
    assert found == [
        '8 write(3</w/b>, "x", 1) = 1',
        "7 fsync(4</w/a>) = 0",
    ]


WRITE = """
import sys
from tfvae.files.atomic import written_whole
with written_whole(sys.argv[1]) as beside:
    beside.write_text("new")
"""


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_file_that_is_written_whole_survives_a_power_cut(tmp_path):
    folder = tmp_path / "made"
    folder.mkdir()
    calls = traced([sys.executable, "-c", WRITE, str(folder / "result.txt")], folder)
    assert lost(calls, folder) == ([], 1)
    without = [call for call in calls if "fsync" not in call]
    assert len(lost(without, folder)[0]) == 2


TRAIN_AND_EXPORT = """
import sys
from tests import tiny
from tfvae.export import export_encoder
from tfvae.training.train import train
experiment = tiny.experiment(steps=4, checkpoint_every=2)
export_encoder(train(experiment, sys.argv[1] + "/run", data=tiny.Blobs()), sys.argv[1] + "/vae/1")
"""


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_a_training_and_an_export_survive_a_power_cut(tmp_path):
    folder, names = tmp_path / "made", r"checkpoint|experiment\.json|model\.keras|1"
    folder.mkdir()
    calls = traced([sys.executable, "-c", TRAIN_AND_EXPORT, str(folder)], folder, {"PYTHONPATH": str(ROOT)})
    # Two checkpoints, two files, and the export.
    assert lost(calls, folder, names) == ([], 5)
    flushed = ("/step-4.index", "/step-4.data-00000-of-00001", "/variables.index", "/saved_model.pb", "/vae", "/run")
    for path in flushed:
        without = [call for call in calls if not ("fsync" in call and f"{path}>" in call)]
        assert len(without) < len(calls), path
        assert lost(without, folder, names)[0], path
