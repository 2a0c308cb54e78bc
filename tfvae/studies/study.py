"""What a study is: a base experiment, a grid of changes to it, seeds, and how each run is scored. A JSON file."""

import copy
import dataclasses
import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tfvae import zoo
from tfvae.codes.latents import ActiveRule
from tfvae.experiment import Experiment
from tfvae.files.modules import import_modules
from tfvae.files.rules import SEED, STEPS, check_numbers, shown, whole
from tfvae.files.state import read_object
from tfvae.metrics import METRICS, QUICK
from tfvae.metrics.parameters import checked_parameters, overlaid
from tfvae.metrics.trial import check_values
from tfvae.models.build import completed

_KEYS = ("experiment", "grid", "seeds", "score_at", "evaluation", "time_limit", "import")  # of a study in JSON


@dataclass(frozen=True)
class Evaluation:
    """How each run is scored: arguments of `tfvae.evaluate`.

    Args:
        metrics: names out of `tfvae.metrics.METRICS`; by default the two of the paper.
        quick: whether metrics use the parameters of `tfvae.metrics.QUICK`: for a first look.
        parameters: for each metric, what differs from its defaults (from `QUICK`, if quick).
        images: how many images the KL and the reconstruction error are averaged over.
        limit: how many random images stand for the whole data set; None for all of it.
        data: the name of a data set; by default the one that the run was trained on.
        seed: decides the images that are drawn, the same for all runs.
        ignore: names of factors that are not scored.
        active: which latents count, see `tfvae.codes.ActiveRule`.

    Raises:
        ValueError: for an unknown metric or parameter, or a value of the wrong type.

    Examples:
        >>> from tfvae.studies.study import Evaluation
        >>> Evaluation(metrics=["mig"], limit=10_000).arguments()["limit"]
        10000
    """

    metrics: Sequence[str] = ("beta_vae", "factor_vae")
    quick: bool = False
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    images: int = 10_000
    limit: int | None = None
    data: str | None = None
    seed: int = 0
    ignore: Sequence[str] = ()
    active: str = "information"

    def __post_init__(self) -> None:
        if isinstance(self.metrics, str) or not isinstance(self.metrics, Sequence):
            raise ValueError(f"Expected metrics to be a list of names. Received: metrics={self.metrics!r}")
        if unknown := sorted({*self.metrics, *self.parameters} - set(METRICS)):
            raise ValueError(f"Expected metrics out of {sorted(METRICS)}. Received: {unknown}")
        check_values(checked_parameters(METRICS, self.parameters))
        if isinstance(self.ignore, str) or not all(isinstance(name, str) for name in self.ignore):
            raise ValueError(f"Expected ignore to be a list of names of factors. Received: ignore={self.ignore!r}")
        ActiveRule.of(self.active)
        if not isinstance(self.quick, bool):
            raise ValueError(f"Expected quick to be true or false. Received: quick={self.quick!r}")
        for name, least in (("images", 2), ("limit", 2), ("seed", 0)):
            value, (expected, accepts) = getattr(self, name), whole(least, 2**31 - 1)
            if not (name == "limit" and value is None) and not accepts(value):
                raise ValueError(f"Expected {name} to be {expected}. Received: {name}={shown(value)}")
        check_numbers({"parameters": self.parameters})

    @property
    def digest(self) -> str:
        """Identifies it in the names of files.

        Without ignored factors, and with active="kl", it is that from before there were such choices.
        """
        values = {**dataclasses.asdict(self), "active": str(ActiveRule.of(self.active))}
        if values["active"] == str(ActiveRule.of("kl")):
            del values["active"]
        if not self.ignore:
            del values["ignore"]
        return digest(values)

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of `tfvae.evaluate`."""
        parameters = overlaid(QUICK if self.quick else {}, self.parameters)
        return {
            "metrics": tuple(self.metrics),
            "parameters": {name: parameters[name] for name in self.metrics if name in parameters},
            "ignore": tuple(self.ignore),
            "active": self.active,
            "num_images": self.images,
            "limit": self.limit,
            "seed": self.seed,
        }


@dataclass(frozen=True)
class Study:
    """A grid of experiments.

    Args:
        experiment: what all runs have in common: keys and values of an `Experiment`; dots lead into objects. What is
            absent has its default. The grid may set the model.
        grid: objects of keys and the values that they take. Every combination within an object is run: {"model":
            "beta_vae", "parameters.beta": [1, 4]} are two settings. A list means several values, anything else is one.
            A key with commas sets several keys together: {"batch_size,steps": [[64, 2000], [128, 1000]]}.
        seeds: each setting is run with each of them; by default with the experiment's seed.
        score_at: steps at which a run is scored, in addition to its last.
        evaluation: how runs are scored.
        time_limit: seconds that one run may take each time it is started, > 0; None for no limit.
        imports: Python modules that register models, metrics and data; "import" in JSON. This process imports them, and
            so does the process of each run.
        folder: where these modules are looked for, before the current folder: that of the study's file.

    Raises:
        ImportError: when a module cannot be imported.
        ValueError: for an unknown key, model or metric, or a value out of range.

    Examples:
        >>> from tfvae.studies.study import Study
        >>> study = Study({"model": "beta_vae"}, grid=[{"parameters.beta": [1, 4]}], seeds=[0, 1])
        >>> len(study.experiments())
        4
    """

    experiment: Mapping[str, Any]
    grid: Sequence[Mapping[str, Any]] = ({},)
    seeds: Sequence[int] | None = None
    score_at: Sequence[int] = ()
    evaluation: Evaluation = field(default_factory=Evaluation)
    time_limit: float | None = None
    imports: Sequence[str] = ()
    folder: str | os.PathLike | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        import_modules(self.imports, self.import_from)
        for name, (expected, accepts) in {"score_at": STEPS, "seeds": SEED}.items():
            values = getattr(self, name) or ()
            if not all(map(accepts, values)):
                received = f"[{', '.join(map(shown, values))}]"
                raise ValueError(f"Expected {name} to be a list, each {expected}. Received: {name}={received}")
        limit = self.time_limit
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 < limit < 1e9):
            raise ValueError(f"Expected time_limit in seconds, > 0 and < 1e9. Received: time_limit={shown(limit)}")
        self.experiments()

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Study":
        """Reads a JSON file; its experiment is an object, or the name of a file in the same folder or of a zoo entry.

        Raises:
            FileNotFoundError: when there is no such file.
            ImportError: as the constructor.
            ValueError: when the file does not hold a study.
        """
        path, values = Path(path), read_object(path, "a study")
        try:
            return cls.from_dict(values, path.parent)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], folder: Path | None = None) -> "Study":
        """Reads keys and values, see `load`. Its modules are imported before the names of models and metrics are read.

        Raises:
            ImportError: as the constructor.
            ValueError: for an unknown key, or a value that a study cannot have.
        """
        given = _checked(values, _KEYS, "study")
        values = {key: value for key, value in given.items() if value is not None}
        imports = values.pop("import", [])
        if not isinstance(imports, list) or not all(isinstance(name, str) for name in imports):
            raise ValueError(f"Expected import to be a list of names of modules. Received: import={imports!r}")
        import_modules(imports, _import_from(folder))
        base = values.get("experiment")
        if isinstance(base, str):
            found = zoo.load_experiment(base) if base in zoo.names() else Experiment.load((folder or Path()) / base)
            values["experiment"] = dataclasses.asdict(found)
        elif not isinstance(base, dict):
            raise ValueError(f"Expected a study with an experiment, an object or a name. Received: experiment={base!r}")
        grid = values.get("grid", {})
        values["grid"] = grid if isinstance(grid, list) else [grid]
        for name in ("seeds", "score_at"):
            if not isinstance(values.get(name, []), list):
                raise ValueError(f"Expected {name} to be a list. Received: {name}={values[name]!r}")
        known = [each.name for each in dataclasses.fields(Evaluation)]
        values["evaluation"] = Evaluation(**_checked(values.get("evaluation", {}), known, "evaluation"))
        return cls(**values, imports=tuple(imports), folder=folder)

    def to_dict(self) -> dict[str, Any]:
        """Keys and values as JSON has them, see `load`."""
        values = dataclasses.asdict(self)
        return {key: values["imports" if key == "import" else key] for key in _KEYS}

    @property
    def import_from(self) -> list[str]:
        """The folders where its modules are looked for first."""
        return _import_from(self.folder)

    def experiments(self) -> dict[str, Experiment]:
        """All experiments by name, each once: every setting with the first seed, then with the second, and so on."""
        found: dict[str, Experiment] = {}
        for seed in [None] if self.seeds is None else self.seeds:
            for block in self.grid:
                for changes in _combinations(block):
                    if seed is not None and ("seed" in changes or "seed" in self.experiment):
                        raise ValueError(
                            "Expected either seeds, or a seed in the experiment or the grid. Received both"
                        )
                    own = {} if seed is None else {"seed": seed}
                    experiment = _changed(self.experiment, {**changes, **own})
                    found.setdefault(run_name(experiment), experiment)
        if not found:
            raise ValueError(
                f"Expected a study of at least one run. Received: grid={self.grid!r}, seeds={self.seeds!r}"
            )
        return found


# Parameters that a model got after runs had names. Runs with these values of them keep their names.
_LATER = {"standardised": False}


def run_name(experiment: Experiment) -> str:
    """The name of a run: its model, its seed, and a digest of its experiment.

    The digest depends neither on the order of keys nor on whether a number is written as 10 or as 10.0.
    """
    values = dataclasses.asdict(experiment)
    if experiment.start_from is None:
        del values["start_from"]  # runs from before this key keep their names
    if not experiment.supervision:
        del values["supervision"]  # the same
    values["parameters"] = dict(each for each in values["parameters"].items() if each not in _LATER.items())
    return f"{experiment.model}-seed_{experiment.seed}-{digest(values)}"


def digest(values: Any) -> str:
    """12 hexadecimal digits that identify a value of JSON."""
    return hashlib.sha256(json.dumps(_canonical(values), sort_keys=True).encode()).hexdigest()[:12]


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _canonical(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(each) for each in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _import_from(folder: str | os.PathLike | None) -> list[str]:
    return [*([] if folder is None else [str(Path(folder).absolute())]), os.getcwd()]


def _checked(values: Any, known: Sequence[str], what: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise ValueError(f"Expected a {what}, an object with keys among {list(known)}. Received: {values!r}")
    if unknown := sorted(set(values) - set(known)):
        raise ValueError(f"Expected keys of a {what} among {list(known)}. Received: {unknown}")
    return values


def _combinations(block: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not isinstance(block, Mapping):
        raise ValueError(f"Expected grid to be an object of keys and values, or a list of them. Received: {block!r}")
    choices = []
    for key, values in block.items():
        names = key.split(",")
        values = values if isinstance(values, list) else [values]
        if len(names) > 1 and not all(isinstance(each, list) and len(each) == len(names) for each in values):
            raise ValueError(f"Expected lists of {len(names)} values for {key!r}. Received: {values!r}")
        each_set = values if len(names) > 1 else [[value] for value in values]
        choices.append([dict(zip(names, each, strict=True)) for each in each_set])
    for chosen in itertools.product(*choices):
        yield {key: value for part in chosen for key, value in part.items()}


def _changed(base: Mapping[str, Any], changes: Mapping[str, Any]) -> Experiment:
    """The experiment with changes; a whole object is put in before the keys that dots lead to within it."""
    result: dict[str, Any] = {}
    for source in (base, changes):
        for key in sorted(source, key=lambda key: key.count(".")):
            *path, last = key.strip().split(".")
            place = result
            for name in path:
                place = place.setdefault(name, {})
                if not isinstance(place, dict):
                    raise ValueError(f"Expected {name!r} of {key!r} to be an object. Received: {place!r}")
            place[last] = copy.deepcopy(source[key])
    try:
        # Completed, so that a run's name does not depend on how much the study spells out.
        return completed(Experiment.from_dict(result))
    except ValueError as error:
        raise ValueError(f"With {dict(changes)}: {error}") from None
