"""The rows of a study's table by setting: runs that differ only in their seeds, and their mean."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from tfvae.experiment import Experiment

Row = Mapping[str, Any]
_FIELDS = {each.name for each in dataclasses.fields(Experiment)}
_WHEN = ("seed", "steps")
_MANY = 3


@dataclass(frozen=True)
class Setting:
    """Runs that differ only in their seeds.

    Args:
        model: its name.
        values: keys of the experiment in which the settings of this model differ -> values.
        rows: of the table.
        usual: the keys that have the value of most settings, if one setting has that value in all keys.
    """

    model: str
    values: Mapping[str, Any]
    rows: tuple[Row, ...]
    usual: frozenset[str] = frozenset()

    @property
    def label(self) -> str:
        """How it differs from the model's other settings: "gamma 35"; "" when there are no others.

        If settings differ in many keys, values that most of them share are left out; "base" has all of these.
        """
        apart = {key: value for key, value in self.values.items() if key not in self.usual}
        return ", ".join(f"{short(key)} {plain(value)}" for key, value in apart.items()) or (
            "base" if self.usual else ""
        )

    @property
    def strength(self) -> float | None:
        """The value of the one number in which the model's settings differ; None if they differ in other ways."""
        values = list(self.values.values())
        number = len(values) == 1 and isinstance(values[0], int | float) and not isinstance(values[0], bool)
        return float(values[0]) if number else None

    def steps(self, score: str) -> list[int]:
        """The steps that have a score, ascending."""
        return sorted({row["steps"] for row in self.rows if row.get(score) is not None})

    def interval(self, score: str, steps: int) -> tuple[float, float]:
        """The `confidence_interval` of a score at a step over the seeds."""
        return confidence_interval(self.at(score, steps))

    def at(self, score: str, steps: int) -> list[float]:
        """The score of each seed at a step."""
        return [row[score] for row in self.rows if row["steps"] == steps and row.get(score) is not None]


def by_model(rows: Sequence[Row]) -> dict[str, list[Setting]]:
    """The settings of each model: models in the order of the rows, settings that differ in one number by that number.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("Expected the rows of a study's table. Received: none")
    found = {}
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model]
        named = dict.fromkeys(key for row in own for key in row)
        keys = [key for key in named if key.partition(".")[0] in _FIELDS and key not in _WHEN]
        keys = [key for key in keys if len({repr(row.get(key)) for row in own}) > 1]
        groups: dict[tuple, list[Row]] = {}
        for row in own:
            groups.setdefault(tuple(row.get(key) for key in keys), []).append(row)
        usual = _usual(list(groups))
        settings = [
            Setting(
                model,
                dict(zip(keys, values, strict=True)),
                tuple(group),
                frozenset(key for key, value, most in zip(keys, values, usual, strict=True) if value == most)
                if usual in groups
                else frozenset(),
            )
            for values, group in groups.items()
        ]
        if all(setting.strength is not None for setting in settings):
            settings.sort(key=lambda setting: setting.strength or 0.0)
        found[model] = settings
    return found


def _usual(settings: Sequence[tuple]) -> tuple:
    """The value of each key that most settings have; () if they differ in few keys, which are quick to read."""
    if len(settings[0]) < _MANY:
        return ()
    # A list, as a network's widths may be, has no hash.
    return tuple(max(values, key=values.count) for values in (list(each) for each in zip(*settings, strict=True)))


def confidence_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """The mean and half the width of its confidence interval, t_{n-1} s / sqrt(n), t Student's quantile.

    Args:
        values: numbers [n], n >= 1, such as a score of each seed.
        level: float in (0, 1).

    Returns:
        Mean and half width; the half width of a single value is 0, because its spread is unknown.
    """
    numbers = np.asarray(values, np.float64)
    if numbers.size == 1:
        return float(numbers[0]), 0.0
    quantile = stats.t.ppf(0.5 + level / 2, numbers.size - 1)
    return float(numbers.mean()), float(quantile * numbers.std(ddof=1) / np.sqrt(numbers.size))


def short(key: str) -> str:
    """A key's name in a figure: "gamma" for "parameters.gamma", "optimizer learning rate" for an optimizer's."""
    parts = key.split(".")
    return (parts[-1] if parts[0] == "parameters" else " ".join(parts[-2:])).replace("_", " ")


def plain(value: Any) -> str:
    """A value in a figure: 35 for 35.0."""
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
