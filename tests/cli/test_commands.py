"""The command lines as a user runs them: each in another process."""

import json
import re
import signal
import time

import pytest

from tests.processes import Command
from tfvae import zoo
from tfvae.data.sets import dsprites

TINY = {
    "model": "factor_vae",
    "architecture": "dense",
    "discriminator": {"depth": 1, "units": 8},
    "batch_size": 16,
    "steps": 6,
    "log_every": 2,
    "checkpoint_every": 2,
}


def start(tool, *arguments):
    return Command(*([tool] if tool.startswith("tools.") else ["tfvae.cli", tool]), *arguments)


def run(tool, *arguments):
    process = start(tool, *arguments)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tools")
    (folder / "tiny.json").write_text(json.dumps(TINY))
    run("train", f"--experiment={folder}/tiny.json", f"--workdir={folder}/run")
    return folder


def test_from_training_to_an_encoder_that_tensorflow_alone_loads(workdir):
    out = run("export", f"--model={workdir}/run", f"--output={workdir}/saved/1")
    assert f"{workdir}/saved/1" in out
    codes = run("tools.load_bare", f"{workdir}/saved/1")
    assert "mean (1, 10): [[" in codes
    assert "log_variance (1, 10): [[" in codes

    arguments = ["--quick", "--metrics=factor_vae,mig,sap", f"--output={workdir}/scores.json"]
    out = run("evaluate", f"--model={workdir}/run", *arguments)
    scores = json.loads((workdir / "scores.json").read_text())
    assert f"factor_vae  {scores['factor_vae']['score']:.3f}" in out
    assert all({"score", "standard_error"} <= set(scores[name]) for name in ("factor_vae", "mig", "sap"))
    assert scores["digest"] == dsprites.DIGEST
    assert scores["reconstruction"]["nats"] > 0


def test_known_codes_are_a_table():
    header, rule, row = run("tools.known_codes", "--metrics=mig", "--sizes=2,3,4").strip().splitlines()
    cells = dict(zip(header.split(" | ")[1:], row.split(" | ")[1:], strict=True))
    assert set(rule) <= set("| -:")
    assert (cells["identity"], cells["one factor missing"], cells["duplicated"]) == ("1.000", "0.667", "0.000")


@pytest.mark.parametrize(("suffix", "magic"), [(".png", b"\x89PNG"), (".gif", b"GIF89a")])
def test_traversals_are_drawn(workdir, suffix, magic):
    run("traverse", f"--model={workdir}/run", f"--output={workdir}/traversals{suffix}", "--index=351200")
    assert (workdir / f"traversals{suffix}").read_bytes().startswith(magic)


def test_the_same_command_again_changes_nothing(workdir):
    before = (workdir / "run" / "checkpoints" / "checkpoint").read_bytes()
    run("train", f"--experiment={workdir}/tiny.json", f"--workdir={workdir}/run")
    assert (workdir / "run" / "checkpoints" / "checkpoint").read_bytes() == before


def test_wrong_input_gets_one_clear_line_and_leaves_nothing(workdir):
    (workdir / "broken.keras").write_bytes(b"not a zip")
    tiny, new, run = f"--experiment={workdir}/tiny.json", f"--workdir={workdir}/new", f"--model={workdir}/run"
    (workdir / "page.html").write_text("mine")
    cases = [
        ("report", [run, f"--output={workdir}/page.html"], "page.html, which exists"),
        ("train", [tiny, new, "--set=bach_size=8"], "Received: ['bach_size']"),
        ("train", [tiny, new, "--set=batch_size=7"], "Received: batch_size=7"),
        ("train", [tiny, new, "--set=batch_size=1000000"], "at most the 737280 images. Received: batch_size=1000000"),
        ("train", [tiny, f"--workdir={workdir}/run", "--set=seed=5"], "another experiment, with seed=0 (now 5)"),
        ("train", [f"--experiment={workdir}/absent.json", new], f"There is none at {workdir}/absent.json"),
        ("evaluate", [f"--model={workdir}/absent"], "Expected a run's folder"),
        ("export", [f"--model={workdir}/broken.keras", f"--output={workdir}/new/1"], "broken.keras"),
        ("traverse", [run, f"--output={workdir}/new/t.bmp"], "Expected a file that ends in"),
        ("traverse", [run, f"--output={workdir}/new/t.png", "--index=737280"], "Received: index=737280"),
    ]  # fmt: skip
    for first in range(0, len(cases), 4):
        running = [(start(tool, *arguments), expected) for tool, arguments, expected in cases[first : first + 4]]
        for process, expected in running:
            _, err = process.communicate()
            assert process.returncode == 1, process.args
            *_, line = err.strip().splitlines()
            assert line.startswith("Error: "), err
            assert expected in line
            assert "Traceback" not in err
    assert not (workdir / "new").exists()


def test_a_server_is_started_and_tried(tmp_path):
    pytest.importorskip("tensorflow_serving")
    (tmp_path / "factor_vae-dsprites").symlink_to(zoo.saved_models() / "factor_vae-dsprites")
    server = start("serve", f"--saved_models={tmp_path}", "--grpc_port=0", "--rest_port=0")
    try:
        while not (found := re.search(r"gRPC (\S+), REST (http://[^/]+)/", server.printed())):
            assert server.is_alive(), server.communicate()
            time.sleep(0.05)
        grpc, rest = found.groups()
        out = run(
            "tools.serving_trials",
            "random_bytes",
            "--count=20",
            f"--pid={server.pid}",
            f"--grpc={grpc}",
            f"--rest={rest}",
        )
        assert re.search(r"random: 20 sent, {'INVALID_ARGUMENT': 20}; the server has \d+ MiB", out)
        assert re.search(r"mutated pictures: 2 sent, .*; the server has \d+ MiB", out)
        server.send_signal(signal.SIGINT)
        _, err = server.communicate()
        assert server.returncode == 130, err
        assert "Stopped." in err
    finally:
        server.kill()
