import json
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from tests.ports import free_ports
from tests.training.runs import ROOT, assert_same_scalars, checkpoints, logged, state


def start(code, *arguments, output, **environment):
    """A Python process on this machine's CPU that can import `tests` and prints to the file `output`."""
    base = {key: value for key, value in os.environ.items() if key != "TF_CONFIG"}
    base |= {"CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTEROP_THREADS": "2", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with output.open("w") as file:
        return subprocess.Popen(command, cwd=ROOT, env=base | environment, stdout=file, stderr=subprocess.STDOUT)


def exit_codes(processes, seconds=600):
    """The exit codes once all have ended, or one has failed, as the others would wait for it. None is left running."""
    late = time.monotonic() + seconds
    try:
        while any(process.poll() is None for process in processes) and not any(process.poll() for process in processes):
            if time.monotonic() > late:
                pytest.fail(f"The processes did not end within {seconds} seconds")
            time.sleep(0.1)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    return [process.returncode for process in processes]


WORKER = """
import os, signal, sys
from pathlib import Path
from tfvae import replicas
strategy = replicas.strategy("multi_worker")
from tests import tiny
from tfvae.training.train import train

def kill(calls):
    if len(sys.argv) > 2 and Path(sys.argv[2], "checkpoints", "step-2.index").exists():
        os.kill(os.getpid(), signal.SIGKILL)

train(tiny.experiment(checkpoint_every=2), sys.argv[1], strategy, data=tiny.Blobs(before=kill), progress=False)
"""


def test_two_workers_end_with_the_weights_of_one_device_after_one_was_killed(uninterrupted, tmp_path):
    workdir, other = tmp_path / "run", tmp_path / "other"
    outputs = [tmp_path / "output_0", tmp_path / "output_1"]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}

    def start_both(*folders):
        configs = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
        return [
            start(WORKER, *arguments, output=output, TF_CONFIG=json.dumps(config))
            for arguments, output, config in zip(folders, outputs, configs, strict=True)
        ]

    def printed():
        return "\n---\n".join(output.read_text()[-3000:] for output in outputs)

    # At first, the second worker has another folder. Nothing appears in it, as only the chief writes.
    survivor, killed = start_both([workdir], [other, workdir])
    try:
        assert exit_codes([killed]) == [-signal.SIGKILL], printed()
        assert survivor.wait(timeout=600) == 1, printed()
    finally:
        survivor.kill()
        survivor.wait()
    assert "ConnectionError: Another worker has ended, and the others cannot continue without it" in printed()
    assert not other.exists()
    assert checkpoints(workdir)[-1] in (2, 4, 6)

    assert exit_codes(start_both([workdir], [workdir])) == [0, 0], printed()
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    # One file for each of the chief's two runs.
    assert len(os.listdir(workdir / "logs")) == 2
    assert logged(workdir) == [2, 4, 6, 8]
    assert checkpoints(workdir) == [6, 8]
    model = keras.models.load_model(workdir / "model.keras")
    np.testing.assert_allclose(state(model), uninterrupted[1], rtol=1e-6, atol=1e-6)
    assert_same_scalars(workdir, uninterrupted[0])
