"""One run of a study in its own folder: trained, and scored at the steps where scores are due."""

import dataclasses
import json
import logging
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfvae import data
from tfvae.codes.capabilities import Capabilities, capabilities_of
from tfvae.evaluation import evaluate
from tfvae.experiment import Experiment
from tfvae.files.atomic import written_whole
from tfvae.files.lock import locked
from tfvae.files.modules import import_modules
from tfvae.files.state import read_object
from tfvae.loading import load, load_to_train
from tfvae.metrics.ignored import ignored_names
from tfvae.plots.traversals import draw_traversals
from tfvae.studies.processes import end_with_input
from tfvae.studies.study import Evaluation
from tfvae.training.checkpoints import Checkpoints
from tfvae.training.train import train

_LOG = logging.getLogger(__name__)
_NO_SECONDS = {"training_seconds": 0.0, "training_cpu_seconds": 0.0}


def run_folder(folder: str | os.PathLike) -> None:
    """Does what a run's task.json says, from where it was interrupted.

    The folder gets model/, which `tfvae.train` fills; scores/; traversals.png, which is drawn again with each of the
    scores, if the model decodes; and seconds.json, the time that the training took so far.

    Raises:
        BlockingIOError: when another process works in the folder.
        Exception: what `tfvae.train` and `tfvae.evaluate` raise.
    """
    folder = Path(folder)
    task = read_object(folder / "task.json", "the task of a run")
    import_modules(task.get("import", ()), task.get("import_from", ()))
    experiment, evaluation = Experiment.from_dict(task["experiment"]), Evaluation(**task["evaluation"])
    with locked(folder, patience=60):
        images = data.load(experiment.data)
        scored_on = images if evaluation.data is None else data.load(evaluation.data)
        ignored_names(scored_on.factors, evaluation.ignore)  # raises before anything is trained
        for steps in points(experiment, task["score_at"]):
            scores = scores_file(folder, steps, evaluation)
            if read_scores(scores) is not None or trained_steps(folder) > steps:
                continue  # it is scored already, or the training passed it and its weights are gone
            part = dataclasses.replace(experiment, steps=steps)
            print(f"Training to step {steps}", flush=True)
            clock, source = _Clock(folder / "seconds.json"), part.start_from
            start = None if source is None else load_to_train(source)
            train(part, folder / "model", data=images, progress=False, callbacks=[clock], start_from=start)
            print(f"Scoring at step {steps}", flush=True)
            model = capabilities_of(load(folder / "model"))
            result = _scores(model, scored_on, evaluation)
            if model.decode is not None:
                draw_traversals(folder / "traversals.png", model, images, seed=evaluation.seed)
            with written_whole(scores) as beside:
                values = {"experiment": dataclasses.asdict(part), "evaluation": dataclasses.asdict(evaluation)}
                beside.write_text(json.dumps({**values, **result, **_seconds(folder)}, indent=2) + "\n")


def points(experiment: Experiment, score_at: Sequence[int]) -> list[int]:
    """The steps at which a run is scored, ascending; the last step is one of them."""
    return sorted({step for step in score_at if step < experiment.steps} | {experiment.steps})


def scores_file(folder: Path, steps: int, evaluation: Evaluation) -> Path:
    """Where the scores at a step are written. Each evaluation has files of its own, so none is overwritten."""
    return folder / "scores" / f"{steps}-{evaluation.digest}.json"


def read_scores(file: Path) -> dict[str, Any] | None:
    """What `run_folder` wrote when it scored a run; None if there is nothing, or, with a warning, if it is damaged."""
    if not file.exists():
        return None
    try:
        values = read_object(file, "the scores of a run")
        seconds = [values[key] for key in (*_NO_SECONDS, "evaluation_seconds")]
        if all(isinstance(values[key], dict) for key in ("experiment", "scores")) and all(map(_is_time, seconds)):
            return values
        reason = f"Expected the scores of a run. Received: {file}, which holds something else"
    except (ValueError, KeyError) as error:
        reason = str(error) if isinstance(error, ValueError) else f"{file} has no {error}"
    _LOG.warning("Damaged scores count as none: %s", reason)
    return None


def trained_steps(folder: Path) -> int:
    """The step of a run's last checkpoint, or 0."""
    return max(Checkpoints.steps_in(folder / "model" / "checkpoints"), default=0)


def in_own_process(folder: str, threads: str) -> None:
    """What the process of a run does. It ends when its standard input does, so it never outlives its parent.

    Args:
        folder: the run's.
        threads: how many TensorFlow uses within an op and between ops. Only equal numbers give equal sums.
    """
    end_with_input()
    tf.config.threading.set_intra_op_parallelism_threads(int(threads))
    tf.config.threading.set_inter_op_parallelism_threads(int(threads))
    run_folder(folder)


class _Clock(keras.callbacks.Callback):
    """Keeps the seconds that training took in a file, over all interruptions."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.before = _seconds(path.parent)
        self.start = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        since = time.perf_counter() - self.start[0], time.process_time() - self.start[1]
        total = {key: self.before[key] + each for key, each in zip(self.before, since, strict=True)}
        with written_whole(self.path) as beside:
            beside.write_text(json.dumps(total) + "\n")


def _seconds(folder: Path) -> dict[str, float]:
    path = folder / "seconds.json"
    if not path.exists():
        return dict(_NO_SECONDS)
    try:
        values = read_object(path, "the time of a training")
        if values.keys() == _NO_SECONDS.keys() and all(map(_is_time, values.values())):
            return values
        error = f"Received: {path} with {sorted(values)}"
    except ValueError as damage:
        error = str(damage)
    _LOG.warning("The time of the training so far is lost, and is counted from 0: %s", error)
    return dict(_NO_SECONDS)


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and 0 <= value < math.inf


def _scores(model: Capabilities, scored_on: Any, evaluation: Evaluation) -> dict[str, Any]:
    start = time.perf_counter()
    scores = evaluate(model, scored_on, **evaluation.arguments())
    return {"scores": scores, "evaluation_seconds": time.perf_counter() - start}
