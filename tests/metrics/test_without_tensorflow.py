import json
import subprocess
import sys

from tfvae.metrics import METRICS

SCRIPT = """
import json, sys
import numpy as np
from tfvae.metrics import METRICS, QUICK, ceiling, score
from tfvae.metrics.known_codes import known_codes

rng = np.random.default_rng(0)
factors = np.stack([rng.integers(size, size=60) for size in (2, 3)], axis=1)
codes, log_variance = factors + 0.1 * rng.normal(size=(60, 2)), np.full((60, 2), -4.0)
scores = score(codes, factors, metrics=METRICS, parameters=QUICK, log_variance=log_variance)
heavy = ("tensorflow", "keras", "tensorflow_probability", "tensorflow_datasets", "torch", "jax")
print(json.dumps([list(scores), [name for name in heavy if name in sys.modules]]))
"""


def test_every_metric_works_on_arrays_without_tensorflow_or_keras():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    names, heavy = json.loads(done.stdout)
    assert names == list(METRICS)
    assert heavy == []
