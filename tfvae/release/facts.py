"""What an entry's scores.json says of a release, beyond the scores: the model, the data and the circumstances."""

import datetime
import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae.codes import CODE_OUTPUTS, Capabilities
from tfvae.models.base import Model

_LIBRARIES = ("tfvae", "tensorflow", "keras", "numpy")


def facts(
    model: Model, exported: Capabilities, data: Any, *, version: int, trained: int, planned: int
) -> dict[str, Any]:
    """The facts, as `json.dump` takes them.

    Args:
        model: the Keras model.
        exported: its exported encoder.
        data: images, as `tfvae.data.load` gives them.
        version: of the entry.
        trained: steps that the model was trained for.
        planned: steps that the experiment plans.
    """
    given = exported.represent(data.scaled(np.zeros(1, int)))
    return {
        "version": version,
        "steps": {"trained": trained, "planned": planned},
        "image_shape": list(data.image_shape),
        "outputs": {name: int(given[name].shape[-1]) for name in CODE_OUTPUTS if name in given},
        "weights": {name: getattr(model, name).count_params() for name in model.networks},
        "data": {"images": len(data), "factors": _factors(data)},
        "tool": "tools.release",
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": _machine(),
        "versions": {"python": platform.python_version(), **{name: metadata.version(name) for name in _LIBRARIES}},
    }


def _factors(data: Any) -> dict[str, int]:
    """The number of values of each factor that varies."""
    if data.factors is None:
        return {}
    sizes = zip(data.factors.names, data.factors.sizes, strict=True)
    return {name: int(size) for name, size in sizes if size > 1}


def _machine() -> str:
    gpus = len(tf.config.list_physical_devices("GPU"))
    return f"{os.cpu_count()} cores of {_processor()}, {gpus or 'no'} GPU{'s' if gpus > 1 else ''}"


def _processor() -> str:
    try:
        named = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
