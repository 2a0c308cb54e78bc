"""Runs a study: the runs that are not done yet, side by side."""

import dataclasses
import json
import os
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

from tfvae.files.atomic import written_whole
from tfvae.files.lock import locked
from tfvae.studies.on_ray import on_ray
from tfvae.studies.processes import Task, in_processes
from tfvae.studies.run import read_scores, scores_file, trained_steps
from tfvae.studies.study import Study
from tfvae.studies.table import described, differences, rows_of, write_table

_PROGRAM = "import sys; from tfvae.studies.run import in_own_process; in_own_process(*sys.argv[1:])"


def run_study(
    study: Study,
    output: str | os.PathLike,
    *,
    processes: int | None = None,
    threads: int = 1,
    ray: str | None = None,
    gpus: float = 0,
    report: Callable[[str], None] = print,
) -> dict[str, str]:
    """Trains and scores all runs of a study that are not done yet, each in a process of its own.

    An interrupted run resumes from its last checkpoint; a failed one is tried again; one that is done, by this study or
    another in the same folder, is left as it is. What a run computes depends on neither the others nor their order. A
    run that takes longer than the study's time limit is stopped, saves a checkpoint if it can, and counts as failed.
    Scores that are damaged are named, and made again where the weights are still there.
    `output` gets study.json, runs/<name>/, and results.csv, .parquet and .md, which are updated after each run.

    Args:
        study: what to run.
        output: a folder; several studies may use it, one after another.
        processes: runs at a time; by default as many as there are cores for.
        threads: cores of a run. Runs on 1 and on 2 differ in rounding, because sums are split.
        ray: the address of a Ray cluster, see `on_ray`; by default runs are processes of this machine.
        gpus: GPUs of a run on Ray.
        report: gets a line of text for each run that ends.

    Returns:
        The names of the runs that failed, each with its last lines.

    Raises:
        BlockingIOError: another process runs a study in this folder.
    """
    output, experiments = Path(output), study.experiments()
    changes = differences(experiments)
    with locked(output):
        with written_whole(output / "study.json") as beside:
            beside.write_text(json.dumps(study.to_dict(), indent=2) + "\n")
        tasks = []
        for name, experiment in experiments.items():
            if state_of(study, output, name) == "done":
                continue
            folder = output / "runs" / name
            values = {
                "experiment": dataclasses.asdict(experiment),
                "evaluation": dataclasses.asdict(study.evaluation),
                "score_at": list(study.score_at),
                "import": list(study.imports),
                "import_from": study.import_from,
            }
            with written_whole(folder / "task.json") as beside:
                beside.write_text(json.dumps(values, indent=2) + "\n")
            tasks.append(Task(name, ("-c", _PROGRAM, str(folder.resolve()), str(threads)), folder / "output.txt"))
        done = len(experiments) - len(tasks)
        report(f"{len(experiments)} runs, of which {done} are done")
        failed: dict[str, str] = {}
        write_table(rows_of(study, output), output)
        run = in_processes if ray is None else partial(on_ray, address=ray, gpus=gpus)
        with closing(run(tasks, processes=processes, threads=threads, time_limit=study.time_limit)) as ended:
            for task, problem in ended:
                rows = rows_of(study, output)
                write_table(rows, output)
                if state_of(study, output, task.name) == "done":  # however the process ended after that
                    done += 1
                    found = described(rows, task.name)
                else:
                    failed[task.name] = problem or f"it ended before it was done, see {task.output}"
                    found = f"failed: {failed[task.name]}"
                report(f"[{done}/{len(experiments)}] {task.name}  {changes[task.name]}: {found}")
    return failed


def listing(study: Study, output: str | os.PathLike) -> list[str]:
    """A line for each run: its name, how far it is, and how it differs from the others."""
    changes = differences(study.experiments())
    return [f"{name}  {state_of(study, output, name)}  {apart}" for name, apart in changes.items()]


def state_of(study: Study, output: str | os.PathLike, name: str) -> str:
    """How far a run is: "done", "at step 400 of 1000", or "to do"."""
    folder, experiment = Path(output) / "runs" / name, study.experiments()[name]
    if read_scores(scores_file(folder, experiment.steps, study.evaluation)) is not None:
        return "done"
    steps = trained_steps(folder)
    return f"at step {steps} of {experiment.steps}" if steps else "to do"
