"""A worker of `test_workers.py`: python -m tests.training.worker FOLDER [WATCHED], with TF_CONFIG.

It trains in FOLDER, and kills itself once there is a checkpoint of step 2 in WATCHED.
"""

import os
import signal
import sys
from pathlib import Path

from tests import tiny
from tfvae import replicas
from tfvae.training.train import train


def kill(calls):
    if len(sys.argv) > 2 and Path(sys.argv[2], "checkpoints", "step-2.index").exists():
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    strategy = replicas.strategy("multi_worker")
    train(tiny.experiment(checkpoint_every=2), sys.argv[1], strategy, data=tiny.Blobs(before=kill), progress=False)
