"""The machine that measurements are made on."""

import datetime
import os
import platform
from importlib.metadata import version
from pathlib import Path

import tensorflow as tf

from tools.benchmark.timing import threads

_DISTRIBUTIONS = ("tfvae", "tensorflow", "keras", "numpy")


def machine() -> dict[str, str]:
    """The date, CPU, cores, threads that TensorFlow may use, GPUs, and versions, by name."""
    return {
        "date": datetime.date.today().isoformat(),
        "processor": _processor(),
        "cores": str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()),
        "threads": str(threads()),
        "GPUs": ", ".join(_gpu(device) for device in tf.config.list_physical_devices("GPU")) or "none",
        "python": platform.python_version(),
        **{name: version(name) for name in _DISTRIBUTIONS},
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def _gpu(device: tf.config.PhysicalDevice) -> str:
    return str(tf.config.experimental.get_device_details(device).get("device_name", device.name))
