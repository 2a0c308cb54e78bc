"""Runs a study, a grid of experiments with several seeds, and draws its results.

  tfvae study studies/small.json --output=runs/small
  tfvae study studies/small.json --output=runs/small --ray=auto

Runs are trained side by side, on cores of their own. The folder gets runs/<name>/, results.csv, results.parquet and
figures. After an interruption the same command resumes; runs that failed are tried again. The processes of the runs
import the modules of --import too, and those that the study names under "import".
"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

ARGUMENTS = "a study.json"
INTERRUPTED = "Interrupted. The same command resumes."

OUTPUT = flags.DEFINE_string(
    "output", None, "A folder: a new one, or that of a study to resume or extend.", required=True
)
PROCESSES = flags.DEFINE_integer("processes", None, "Runs at a time; by default as many as there are cores for.", 1)
THREADS = flags.DEFINE_integer("threads", 1, "Cores of a run.", 1)
RAY = flags.DEFINE_string("ray", None, "A Ray cluster: HOST:PORT, auto, or local to start one; by default none.")
GPUS = flags.DEFINE_float("gpus", 0, "GPUs of a run, with --ray; 0.5 for two runs that share one.", 0)
TIME_LIMIT = flags.DEFINE_float("time_limit", None, "Seconds that a run may take; by default those of the study.")
FORMAT = flags.DEFINE_enum("format", "png", ["png", "pdf", "svg"], "The format of the figures.")
DRY_RUN = flags.DEFINE_bool("dry_run", False, "List the runs, and how far each is; run nothing.")


def main(argv: Sequence[str]) -> None:
    from tfvae.cli.start import IMPORT
    from tfvae.plots.study import save_figures
    from tfvae.studies import Study, listing, read_table, run_study

    study, output = Study.load(argv[1]), Path(OUTPUT.value)
    study = dataclasses.replace(study, imports=tuple(dict.fromkeys([*study.imports, *IMPORT.value])))
    if TIME_LIMIT.value is not None:
        study = dataclasses.replace(study, time_limit=TIME_LIMIT.value)
    if DRY_RUN.value:
        print(*listing(study, output), sep="\n")
        return
    failed = run_study(study, output, processes=PROCESSES.value, threads=THREADS.value, ray=RAY.value, gpus=GPUS.value)
    if (output / "results.parquet").exists():
        for path in save_figures(read_table(output), output, suffix=f".{FORMAT.value}"):
            print(f"Drew {path}")
    for name, problem in failed.items():
        print(f"Failed: {name}: {problem}", file=sys.stderr)
    if failed:
        sys.exit(f"Error: {len(failed)} runs failed. The same command tries them again")
