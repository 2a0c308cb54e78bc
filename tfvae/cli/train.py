"""Trains a model, or resumes a training that was interrupted.

  tfvae train --experiment=zoo/factor_vae-dsprites/experiment.json --workdir=runs/factor_vae
  tfvae train --experiment=factor_vae-dsprites --set='parameters={"gamma": 10}' --set=steps=20000 \\
      --workdir=runs/gamma_10

The folder gets experiment.json, checkpoints/, logs/ (tensorboard --logdir=runs) and, at the end, model.keras. After an
interruption, the same command resumes from the last checkpoint and ends with the weights of an uninterrupted run.
SIGTERM and Ctrl-C finish the step, save a checkpoint and exit with 143 and 130; a second Ctrl-C ends it at once.
--start_from trains the weights of another model further, of the same experiment or of one with other parameters:

  tfvae train --start_from=factor_vae-dsprites --set=steps=50000 --workdir=runs/further

The progress is a bar on a terminal; in a pipe or a log file, it is a line for each log entry.
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

INTERRUPTED = "Interrupted. The same command resumes from the last checkpoint, or starts over if there is none."

EXPERIMENT = flags.DEFINE_string("experiment", None, "A JSON file, or the name of a zoo entry.")
START_FROM = flags.DEFINE_string(
    "start_from", None, "A zoo entry, a run or a .keras file whose weights are trained further; with its experiment."
)
WORKDIR = flags.DEFINE_string("workdir", None, "A new folder, or one of the same experiment.", required=True)
SET = flags.DEFINE_multi_string("set", [], "key=value replaces a key of the experiment; the value is JSON or text.")
STRATEGY = flags.DEFINE_enum(
    "strategy",
    "single",
    ["single", "mirrored", "multi_worker"],
    "One device, all devices of this machine, or those of all machines in TF_CONFIG.",
)
RESIDENT = flags.DEFINE_bool("resident", False, "Keep all images on the one device: no step waits for the host.")
ONE_GPU = flags.DEFINE_bool("one_gpu", False, "Everything that makes one GPU fast: --resident, XLA and mixed_bfloat16.")
LOOK_EVERY = flags.DEFINE_integer("look_every", None, "Steps between scores, traversals and latents in TensorBoard.", 1)


def main(argv: Sequence[str]) -> None:
    import keras
    import tensorflow as tf

    from tfvae import data, zoo
    from tfvae.cli.values import assigned
    from tfvae.experiment import Experiment
    from tfvae.loading import load_to_train
    from tfvae.models.build import completed
    from tfvae.replicas import is_chief, strategy
    from tfvae.training.checkpoints import Checkpoints
    from tfvae.training.checks import check_workdir
    from tfvae.training.interruption import Terminated
    from tfvae.training.looks import looks
    from tfvae.training.train import train

    devices = strategy(STRATEGY.value)  # before anything else is done with TensorFlow
    name = EXPERIMENT.value or _experiment_of(START_FROM.value)
    if name not in zoo.experiments() and not Path(name).exists():
        raise FileNotFoundError(
            f"Expected an experiment, a JSON file or a name out of {zoo.experiments()}. There is none at {name}"
        )
    experiment = zoo.load_experiment(name) if name in zoo.experiments() else Experiment.load(name)
    changes = dict(assigned("set", text) for text in SET.value)
    start = {} if START_FROM.value is None else {"start_from": START_FROM.value}
    for_gpu = {"jit_compile": True, "precision": "mixed_bfloat16"} if ONE_GPU.value else {}
    experiment = completed(Experiment.from_dict(dataclasses.asdict(experiment) | for_gpu | start | changes))
    check_workdir(Path(WORKDIR.value), experiment)  # before the data are read, which may take minutes
    source = experiment.start_from
    if source is not None and Checkpoints.steps_in(Path(WORKDIR.value) / "checkpoints"):
        source = None  # the run has its own weights
    model = None if source is None else load_to_train(source)
    resident = RESIDENT.value or ONE_GPU.value
    gpus = len(tf.config.list_physical_devices("GPU"))
    print(f"{devices.num_replicas_in_sync} replica(s); TensorFlow sees {gpus} GPU(s)")
    images, every = data.load(experiment.data), LOOK_EVERY.value
    print(images)
    begun: list[bool] = []
    noting = keras.callbacks.LambdaCallback(on_train_begin=lambda logs: begun.append(True))
    callbacks = [noting, *(looks(images, Path(WORKDIR.value) / "logs", every) if every else [])]
    try:
        train(experiment, WORKDIR.value, devices, data=images, resident=resident, callbacks=callbacks, start_from=model)
    except Terminated as stopped:
        print(f"\n{stopped}", file=sys.stderr)
        raise
    done = "Trained" if begun or not is_chief(devices) else "Already trained"
    print(f"{done} for {experiment.steps} steps: {Path(WORKDIR.value) / 'model.keras'}")


def _experiment_of(source: str | None) -> str:
    """The experiment of what a training starts from: a zoo entry's name, or the file in a run's folder."""
    if source is None:
        raise ValueError("Expected --experiment or --start_from. Received: neither")
    path = Path(source)
    if not path.exists():
        return source
    file = (path if path.is_dir() else path.parent) / "experiment.json"
    if not file.exists():
        raise ValueError(f"Expected --experiment as well: there is no experiment.json with {source}")
    return str(file)
