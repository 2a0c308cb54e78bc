"""How far a run has come: a bar on a terminal, lines in a pipe or a log file."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from tfvae.training.journal import AtEntries


@contextmanager
def progress_shown(steps: int, first_step: int, *, wanted: bool = True) -> Iterator[list[AtEntries]]:
    """Yields the callback that shows a run's progress on stderr while the block runs; none if it is not wanted.

    Args:
        steps: how many the run has in all.
        first_step: how many it has taken.
        wanted: whether to show anything.
    """
    if not wanted:
        yield []
    elif not sys.stderr.isatty():
        yield [ProgressLines(steps)]
    else:
        with tqdm(total=steps, initial=first_step, unit="step") as bar:
            yield [ProgressBar(bar)]


class ProgressLines(AtEntries):
    """Prints a line for each log entry to stderr, such as "step 400 of 20,000  loss 123.4  kl 10.2".

    Args:
        steps: how many the run has in all.
    """

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        shown = [f"step {step:,} of {self.steps:,}", *(f"{name} {value:.4g}" for name, value in values.items())]
        print("  ".join(shown), file=sys.stderr, flush=True)


class ProgressBar(AtEntries):
    """Moves a bar with each step, and shows the values of the last log entry behind it.

    Args:
        bar: which stands at the first step.
    """

    def __init__(self, bar: tqdm) -> None:
        super().__init__()
        self.bar = bar

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs)
        self.bar.update(self.step - self.bar.n)

    def on_entry(self, step: int, values: Mapping[str, float]) -> None:
        self.bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()}, refresh=False)
