"""Metrics of disentanglement_lib, by its own files: a program that `metrics.py` starts.

  python peer_metrics.py FOLDER CODES.npz NUMBERS.json

FOLDER has disentanglement_lib/evaluation. For each line on stdin, the name of a metric, it prints the seconds, the CPU
seconds and the scores as JSON. The files need neither TensorFlow nor gin here: what gin would set is in NUMBERS.json.
"""

import importlib
import inspect
import json
import sys
import time
import types
from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

_REQUIRED = object()
# The module, the function, and the keys of the result that are compared.
_FUNCTIONS = {
    "beta_vae": ("beta_vae", "compute_beta_vae_sklearn", ["eval_accuracy"]),
    "factor_vae": ("factor_vae", "compute_factor_vae", ["eval_accuracy"]),
    "mig": ("mig", "compute_mig", ["discrete_mig"]),
    "dci": ("dci", "compute_dci", ["disentanglement"]),
    "sap": ("sap_score", "compute_sap", ["SAP_score"]),
    "modularity, explicitness": (
        "modularity_explicitness",
        "compute_modularity_explicitness",
        ["modularity_score", "explicitness_score_test"],
    ),
    "irs": ("irs", "compute_irs", ["IRS"]),
    "total_correlation, wasserstein_correlation, mutual_information": (
        "unsupervised_metrics",
        "unsupervised_metrics",
        ["gaussian_total_correlation", "gaussian_wasserstein_correlation", "mutual_info_score"],
    ),
}


class _Data:
    """A grid of factors whose images are their places."""

    observation_shape = (1,)

    def __init__(self, sizes: list[int]) -> None:
        self.factors_num_values = list(sizes)
        self.num_factors = len(sizes)

    def sample_factors(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        return np.stack([random_state.randint(size, size=num) for size in self.factors_num_values], axis=1)

    def sample_observations_from_factors(self, factors: np.ndarray, random_state: np.random.RandomState) -> np.ndarray:
        return np.ravel_multi_index(factors.T, self.factors_num_values)[:, np.newaxis]

    def sample(self, num: int, random_state: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        factors = self.sample_factors(num, random_state)
        return factors, self.sample_observations_from_factors(factors, random_state)

    def sample_observations(self, num: int, random_state: np.random.RandomState) -> np.ndarray:
        return self.sample(num, random_state)[1]


def _stand_in_for_gin(numbers: dict[str, Any]) -> None:
    """Modules named gin and gin.tf, whose functions get the arguments that they require from `numbers`."""

    def configurable(*arguments: Any, **_: Any) -> Any:
        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            needed = [
                name for name, each in inspect.signature(function).parameters.items() if each.default is _REQUIRED
            ]

            @wraps(function)
            def call(*given: Any, **named: Any) -> Any:
                bound = inspect.signature(function).bind_partial(*given, **named).arguments
                return function(*given, **named, **{name: numbers[name] for name in needed if name not in bound})

            return call

        return decorate(arguments[0]) if arguments and callable(arguments[0]) else decorate

    modules = {name: types.ModuleType(name) for name in ("gin", "gin.tf", "six", "six.moves")}
    vars(modules["gin"]).update(configurable=configurable, REQUIRED=_REQUIRED, tf=modules["gin.tf"])
    vars(modules["six.moves"]).update(range=range, zip=zip)
    sys.modules.update(modules)


def main(folder: str, codes: str, numbers: str) -> None:
    with open(numbers) as file:
        values = json.load(file)
    _stand_in_for_gin(values)
    sys.path.insert(0, folder)
    package = "disentanglement_lib.evaluation.metrics"
    values["discretizer_fn"] = importlib.import_module(f"{package}.utils")._histogram_discretize
    vars(np).update(int=int, float=float)  # NumPy had them when the files were written
    with np.load(codes) as arrays:
        data, means = _Data(arrays["sizes"].tolist()), arrays["codes"]
    print("ready", flush=True)
    for turn, line in enumerate(sys.stdin):
        module, function, keys = _FUNCTIONS[line.strip()]
        compute = getattr(importlib.import_module(f"{package}.{module}"), function)
        clock, cpu = time.perf_counter(), time.process_time()
        found = compute(data, lambda places: means[places[:, 0]], np.random.RandomState(turn), None)
        seconds, cpu = time.perf_counter() - clock, time.process_time() - cpu
        print(json.dumps([seconds, cpu, [float(found[key]) for key in keys]]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
