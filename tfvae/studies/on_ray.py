"""Python programs side by side on the machines of a Ray cluster."""

import importlib.util
import logging
import os
from collections.abc import Generator, Mapping, Sequence

from tfvae.studies.processes import Task, problem, thread_settings

# What a run reads and a worker of Ray, which another shell may have started, need not have.
_PASSED_ON = ("PYTHONPATH", "TF_ENABLE_ONEDNN_OPTS", "TF_CPP_MIN_LOG_LEVEL", "TFVAE_CACHE", "TFDS_DATA_DIR")


def on_ray(
    tasks: Sequence[Task], *, address: str, processes: int | None = None, threads: int = 1, gpus: float = 0
) -> Generator[tuple[Task, str], None, None]:
    """As `processes.in_processes`, on a Ray cluster: one program is one task of Ray, with `threads` of its CPUs.

    All machines see the tasks' files under the same paths, and have tfvae installed. Ray, not this function, says which
    machine and which GPU a task gets; its processes are not held to cores.

    Args:
        tasks: as in `in_processes`.
        address: of the cluster, "HOST:PORT", "auto" or "ray://HOST:PORT"; or "local", to start one on this machine.
        processes: int >= 1, how many at a time; by default as many as the cluster has CPUs for.
        threads: int >= 1.
        gpus: of each task: 0, 1, or 0.5 for two that share one.

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
    import ray

    cpus = {"num_cpus": processes * threads} if address == "local" and processes is not None else {}
    dashboard = {"include_dashboard": False} if address == "local" else {}
    ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **cpus, **dashboard)

    # Within this function, so that Ray carries its code: by its name a worker would import TensorFlow to find it.
    def run(arguments: tuple[str, ...], output: str, settings: Mapping[str, str]) -> int:
        import subprocess
        import sys

        with open(output, "wb") as file:
            process = subprocess.Popen(
                [sys.executable, "-u", *arguments],
                stdin=subprocess.PIPE,  # closes when this worker ends, and with it ends the program
                stdout=file,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings},
                start_new_session=True,
            )
            return process.wait()

    remote = ray.remote(num_cpus=threads, num_gpus=gpus, max_retries=0)(run)
    settings = thread_settings(threads) | {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    waiting, running = list(tasks), dict[ray.ObjectRef, Task]()
    try:
        while waiting or running:
            while waiting and (processes is None or len(running) < processes):
                task = waiting.pop(0)
                running[remote.remote(task.arguments, str(task.output), settings)] = task
            (ended,), _ = ray.wait(list(running), num_returns=1)
            task = running.pop(ended)
            try:
                yield task, problem(ray.get(ended), task.output)
            except ray.exceptions.RayError as error:
                yield task, f"Ray ended it: {error}"
    finally:
        for each in running:
            ray.cancel(each, force=True)
        ray.shutdown()
