"""PyTorch's steps, timed in turns with ours, in a process of a Python that has it."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.benchmark.timing import Took

# How PyTorch is used (`torch_step.py`), and in which precision of ours it is compared.
FORMS = {"plain": "float32", "best": "float32", "compiled": "float32", "bfloat16": "mixed_bfloat16"}
_SCRIPT = Path(__file__).with_name("torch_step.py")


@contextmanager
def torch_step(
    python: str, model: str, batch: int, threads: int, form: str
) -> Iterator[tuple[str, Callable[[], Took]]]:
    """PyTorch's version, and a function that does one step of `torch_step.py` and returns its time.

    Args:
        python: a Python that has torch.
        model: "vae" or "factor_vae".
        batch: images a step.
        threads: how many PyTorch may use.
        form: one of `FORMS`.

    Raises:
        OSError: when that Python cannot be started, or has no torch.
    """
    command = [python, str(_SCRIPT), model, str(batch), str(threads), form]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        requests, replies = process.stdin, process.stdout

        def step() -> Took:
            requests.write("step\n")
            requests.flush()
            seconds, cpu_seconds = map(float, replies.readline().split())
            return Took(seconds, cpu_seconds)

        if not (version := replies.readline().strip()):
            raise OSError(f"Expected a Python that has torch; its own message is above. Received: {python}")
        yield version, step
        requests.close()
