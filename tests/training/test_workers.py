import json
import os
import signal

import keras
import numpy as np

from tests.ports import free_ports
from tests.processes import Command
from tests.training.runs import assert_same_scalars, checkpoints, logged, state

ENVIRONMENT = {"CUDA_VISIBLE_DEVICES": "-1", "TF_NUM_INTEROP_THREADS": "2"}


def ended(*workers):
    """What workers printed, once all have ended, which they do soon after one fails. None is left running."""
    try:
        return "\n---\n".join(text[-3000:] for worker in workers for text in worker.communicate(timeout=600))
    finally:
        for worker in workers:
            worker.kill()


def test_two_workers_end_with_the_weights_of_one_device_after_one_was_killed(uninterrupted, tmp_path):
    workdir, other = tmp_path / "run", tmp_path / "other"
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(2)]}

    def start_both(*folders):
        configs = [{"cluster": cluster, "task": {"type": "worker", "index": index}} for index in (0, 1)]
        return [
            Command("tests.training.worker", *arguments, environment=ENVIRONMENT | {"TF_CONFIG": json.dumps(config)})
            for arguments, config in zip(folders, configs, strict=True)
        ]

    # At first, the second worker has another folder. Nothing appears in it, as only the chief writes.
    survivor, killed = start_both([workdir], [other, workdir])
    printed = ended(killed, survivor)
    assert (killed.returncode, survivor.returncode) == (-signal.SIGKILL, 1), printed
    assert "ConnectionError: Another worker has ended, and the others cannot continue without it" in printed
    assert not other.exists()
    assert checkpoints(workdir)[-1] in (2, 4, 6)

    both = start_both([workdir], [workdir])
    printed = ended(*both)
    assert [worker.returncode for worker in both] == [0, 0], printed
    assert sorted(os.listdir(workdir)) == ["checkpoints", "experiment.json", "logs", "model.keras"]
    # One file for each of the chief's two runs.
    assert len(os.listdir(workdir / "logs")) == 2
    assert logged(workdir) == [2, 4, 6, 8]
    assert checkpoints(workdir) == [6, 8]
    model = keras.models.load_model(workdir / "model.keras")
    np.testing.assert_allclose(state(model), uninterrupted[1], rtol=1e-6, atol=1e-6)
    assert_same_scalars(workdir, uninterrupted[0])
