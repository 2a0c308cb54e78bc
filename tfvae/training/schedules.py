"""Weights of an objective that follow a schedule during training, such as the annealing of beta."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from tfvae.models.weights import weights_of
from tfvae.training.steps import StepCounter

# A step or an epoch, counted from 0, -> the weight.
Schedule = Callable[[int], float]


def linear_annealing(steps: int, *, start: float = 0.0, end: float = 1.0, delay: int = 0) -> Schedule:
    """A weight that rises, or falls, in a straight line (Bowman et al., 2016, from 0 to 1).

        w(t) = start + (end - start) min(1, max(0, t - delay) / steps)

    Args:
        steps: int, at least 1: how many steps (or epochs) it takes from start to end.
        start: float, the weight before.
        end: float, the weight after.
        delay: int, at least 0: how many steps it stays at start.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> weight = tfvae.linear_annealing(4, end=10.0, delay=1)
        >>> [weight(step) for step in range(7)]
        [0.0, 0.0, 2.5, 5.0, 7.5, 10.0, 10.0]
    """
    if steps < 1 or delay < 0:
        raise ValueError(f"Expected steps >= 1 and delay >= 0. Received: steps={steps}, delay={delay}")
    return lambda t: _between(start, end, (t - delay) / steps)


def cyclical_annealing(
    steps: int, *, cycles: int = 4, ratio: float = 0.5, start: float = 0.0, end: float = 1.0
) -> Schedule:
    """A weight that rises in a straight line and stays, several times over (Fu et al., 2019, eq. 6 and 7).

        tau(t) = mod(t, ceil(T / M)) / (T / M),  w(t) = start + (end - start) min(1, tau(t) / R),  t = 0 .. T - 1

    The paper counts t from 1. After T steps, the weight is `end`.

    Args:
        steps: int, T, at least `cycles`: how many steps (or epochs) all cycles take.
        cycles: int, M, at least 1; published: 4.
        ratio: float in (0, 1], R: the share of a cycle in which the weight rises; published: 0.5.
        start: float, the weight at the start of each cycle.
        end: float, the weight in the rest of each cycle.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> weight = tfvae.cyclical_annealing(8, cycles=2)
        >>> [weight(step) for step in range(8)]
        [0.0, 0.5, 1.0, 1.0, 0.0, 0.5, 1.0, 1.0]
    """
    if cycles < 1 or steps < cycles or not 0 < ratio <= 1:
        raise ValueError(
            "Expected cycles >= 1, steps >= cycles and ratio in (0, 1]. "
            f"Received: cycles={cycles}, steps={steps}, ratio={ratio}"
        )
    period, length = math.ceil(steps / cycles), steps / cycles
    return lambda t: end if t >= steps else _between(start, end, t % period / length / ratio)


class ScheduleWeights(StepCounter):
    """A Keras callback that sets weights of a model's objective by the step, or by the epoch.

    The weights are those that the model's class declares, such as beta, gamma and c_max (`tfvae.models.weights`). Their
    values are logged at the end of each epoch: those of its last step. The step is compiled once.

    Steps are counted as in `StepCounter`: over calls of `fit`, and from where `tfvae.train` resumes. So a training that
    is interrupted has the same weights as one that is not, if it is started again with the same callback. With
    `steps_per_execution` above 1 (and with `resident` in `tfvae.train`), weights change between calls of TensorFlow:
    all steps of a call have the weight of the first.

    Args:
        schedules: for each weight by name a function of the step, or of the epoch, from 0 on, that returns its value.
        by: "step" or "epoch". `tfvae.train` takes "step" alone, as its epochs are log entries.
        first_step: int, how many steps the model has taken; by default as in `StepCounter`.

    Raises:
        ValueError: when the training begins, for names that are not weights of the model; for values out of range.
        TypeError: for something that is not a function, or a value that is not a number.

    Examples:
        >>> images = np.zeros([8, 16, 16, 1], np.float32)
        >>> model = tfvae.create("beta_vae", (16, 16, 1), latent_dim=2)
        >>> beta = tfvae.cyclical_annealing(10_000, end=4.0)
        >>> history = model.fit(images, verbose=0, callbacks=[tfvae.ScheduleWeights({"beta": beta})])
        >>> history.history["beta"]
        [0.0]
    """

    def __init__(self, schedules: Mapping[str, Schedule], *, by: str = "step", first_step: int | None = None) -> None:
        super().__init__(first_step)
        if by not in ("step", "epoch"):
            raise ValueError(f"Expected by='step' or 'epoch'. Received: by={by!r}")
        for name, schedule in schedules.items():
            if not callable(schedule):
                raise TypeError(f"Expected a function of the {by} for {name!r}. Received: {schedule!r}")
        self.schedules = dict(schedules)
        self.by = by

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self.by == "epoch" and "first_step" in self.params:
            raise ValueError("Expected by='step' in tfvae.train, whose epochs are log entries. Received: by='epoch'")
        super().on_train_begin(logs)
        known = weights_of(type(self.model))
        if unknown := [name for name in self.schedules if name not in known]:
            raise ValueError(
                f"Expected weights of {type(self.model).__name__} out of {list(known)}. Received: {unknown}"
            )

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        super().on_epoch_begin(epoch, logs)
        if self.by == "epoch":
            self._set(epoch)

    def on_train_batch_begin(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.by == "step":
            self._set(self.step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            # As Keras's schedules of learning rates do: callbacks after this one see it.
            logs |= {name: float(getattr(self.model, name)) for name in self.schedules}

    def _set(self, at: int) -> None:
        for name, schedule in self.schedules.items():
            value = schedule(at)
            try:
                number = float(value)
            except (TypeError, ValueError):
                raise TypeError(
                    f"Expected the schedule of {name!r} to return a number. Received: {value!r} at {self.by} {at}"
                ) from None
            if not math.isfinite(number):
                raise ValueError(f"Expected a finite {name!r}. Received: {name}={number} at {self.by} {at}")
            setattr(self.model, name, number)


def _between(start: float, end: float, share: float) -> float:
    return start + (end - start) * min(1.0, max(0.0, share))
