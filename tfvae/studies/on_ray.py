"""Python programs side by side on the machines of a Ray cluster."""

import importlib.util
import logging
import os
from collections.abc import Generator, Mapping, Sequence
from typing import Any

from tfvae.studies.processes import GRACE, Task, problem, thread_settings

# A run reads these, and a worker of Ray, which another shell may have started, need not have them.
_PASSED_ON = ("PYTHONPATH", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "TFVAE_CACHE", "TFDS_DATA_DIR")

# How long the processes of a local cluster wait for each other as they start. Ray's own limits, 30 seconds and less,
# are too short for a busy machine.
_PATIENCE = {
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_gcs_rpc_server_connect_timeout_s": "300",
    "RAY_py_gcs_connect_timeout_s": "300",
    "RAY_health_check_timeout_ms": "60000",
}
# One limit of 30 seconds is a constant of Ray: a start that passes it is tried again.
_STARTS = 5


def on_ray(
    tasks: Sequence[Task],
    *,
    address: str,
    processes: int | None = None,
    threads: int = 1,
    gpus: float = 0,
    time_limit: float | None = None,
) -> Generator[tuple[Task, str], None, None]:
    """Runs tasks like `processes.in_processes`, but on a Ray cluster: each is one task of Ray, with `threads` CPUs.

    All machines see the tasks' files under the same paths, and have tfvae installed. Ray chooses the machine and the
    GPU of a task; its processes are not restricted to cores.

    Args:
        tasks: as in `in_processes`.
        address: of the cluster, "HOST:PORT", "auto" or "ray://HOST:PORT"; or "local", to start one on this machine.
        processes: int >= 1, how many at a time; by default as many as the cluster has CPUs for.
        threads: int >= 1.
        gpus: of each task: 0, 1, or 0.5 for two that share one.
        time_limit: as in `in_processes`.

    Raises:
        ValueError: Ray is not installed, or an argument is out of range.
        ConnectionError: there is no cluster at this address.
    """
    if importlib.util.find_spec("ray") is None:
        raise ValueError("Expected Ray to be installed: pip install tfvae[ray]")
    if threads < 1 or gpus < 0 or (processes is not None and processes < 1):
        raise ValueError(
            f"Expected processes and threads >= 1 and gpus >= 0. Received: processes={processes}, threads={threads}, "
            f"gpus={gpus}"
        )
    ray = _connected(address, None if processes is None else processes * threads)

    # Within this function, so that Ray carries its code: by its name a worker would import TensorFlow to find it.
    def run(
        arguments: tuple[str, ...], output: str, settings: Mapping[str, str], time_limit: float | None, grace: float
    ) -> tuple[int, bool]:
        import signal
        import subprocess
        import sys

        with (
            open(output, "wb") as file,
            subprocess.Popen(
                [sys.executable, "-u", *arguments],
                stdin=subprocess.PIPE,  # closes when this worker ends, which ends the program
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings},
                start_new_session=True,
            ) as process,
        ):
            try:
                return process.wait(time_limit), False
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGTERM)
            try:
                return process.wait(grace), True
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return process.wait(), True

    remote = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(run)
    settings = thread_settings(threads) | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    waiting, running = list(tasks), dict[Any, Task]()
    try:
        while waiting or running:
            while waiting and (processes is None or len(running) < processes):
                task = waiting.pop(0)
                running[remote.remote(task.arguments, str(task.output), settings, time_limit, GRACE)] = task
            (ended,), _ = ray.wait(list(running), num_returns=1)
            task = running.pop(ended)
            try:
                exit_code, late = ray.get(ended)
                yield task, problem(exit_code, task.output, time_limit if late else None)
            except ray.exceptions.RayError as error:
                yield task, f"Ray ended it: {error}"
    finally:
        for each in running:
            ray.cancel(each, force=True)
        ray.shutdown()


def _connected(address: str, cpus: int | None) -> Any:
    """Ray, connected to the cluster; a local one is started, with `cpus` or with those of the machine."""
    if address == "local":
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)  # Ray reads them when it is imported, and its processes inherit them
    import ray

    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address != "local":
        ray.init(address=address, **quiet)
        return ray
    for start in range(_STARTS):
        try:
            ray.init(address=address, num_cpus=cpus, include_dashboard=False, **quiet)
            break
        except Exception as error:  # Ray has no class of its own for it
            if "timed out during startup" not in str(error) or start == _STARTS - 1:
                raise
            ray.shutdown()
    return ray
