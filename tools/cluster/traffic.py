"""The number of bytes that workers exchange in a training step, counted without a network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from tfvae.models.base import Model


@dataclass(frozen=True)
class Traffic:
    """The data that a step combines over all replicas.

    Args:
        reduced: bytes of the arrays that are summed over replicas: gradients, also those of gathered arrays.
        gathered: bytes of the arrays that are joined from the rows of all replicas: codes.
    """

    reduced: int
    gathered: int

    def sent(self, workers: int) -> float:
        """Bytes that each of N workers sends in a step, and receives: 2 (N - 1) / N reduced + (N - 1) / N gathered.

        That is a ring, which TensorFlow uses on CPUs, and NCCL for large arrays. No other order of sending needs less
        (Patarasuk & Yuan, 2009).
        """
        return (workers - 1) / workers * (2 * self.reduced + self.gathered)


def of_step(model: Callable[[], Model], batch_size: int, strategy: tf.distribute.Strategy) -> Traffic:
    """Counts the bytes of a training step, from one step on black images on the replicas of this process.

    Args:
        model: makes a compiled model; called in the strategy's scope.
        batch_size: images of the global batch, a multiple of the number of replicas.
        strategy: with at least two replicas, such as those of a MirroredStrategy on logical devices.

    Raises:
        ValueError: when the strategy has one replica.
    """
    replicas = strategy.num_replicas_in_sync
    if replicas < 2:
        raise ValueError(f"Expected a strategy with at least 2 replicas. Received: {replicas}")
    with strategy.scope():
        made = model()
    images = tf.zeros((batch_size // replicas, *made.image_shape))
    with _recorded() as calls:
        strategy.run(made.train_step, args=(images,))  # without a graph, so that all shapes are known
    # Each replica makes these calls. Arrays that are summed have equal sizes on all; those that are gathered are parts.
    return Traffic(sum(calls["all_reduce"]) // replicas, sum(calls["all_gather"]))


@contextmanager
def _recorded() -> Iterator[dict[str, list[int]]]:
    """The bytes of each array that replicas pass to the two collectives while the block runs."""
    calls: dict[str, list[int]] = {"all_reduce": [], "all_gather": []}
    context = tf.distribute.ReplicaContext
    originals = {name: getattr(context, name) for name in calls}

    def recording(name: str) -> Callable[..., Any]:
        def collective(self: Any, *arguments: Any, **options: Any) -> Any:
            value = options["value"] if "value" in options else arguments[1 if name == "all_reduce" else 0]
            calls[name] += [int(tf.size(array)) * array.dtype.size for array in tf.nest.flatten(value)]
            return originals[name](self, *arguments, **options)

        return collective

    for name in calls:
        setattr(context, name, recording(name))
    try:
        yield calls
    finally:
        for name, original in originals.items():
            setattr(context, name, original)
