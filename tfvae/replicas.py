"""How a step on many replicas differs from a step on one.

A step is a function of the *global* batch: with these functions, N replicas compute what one device computes from the
same batch, up to rounding.
"""

import functools
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf


def num_replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def gather(x: tf.Tensor) -> tf.Tensor:
    """All replicas' rows of x, in the order of the replicas: [B / N, ...] -> [B, ...]."""
    if num_replicas() == 1:
        return x
    # A gather of uneven shares leaves all sizes open.
    return tf.ensure_shape(tf.distribute.get_replica_context().all_gather(x, axis=0), [None, *x.shape[1:]])


def sizes(x: tf.Tensor) -> tf.Tensor:
    """How many rows of x each replica has, [N]: the last batch of a data set may not divide evenly."""
    if num_replicas() == 1:
        return tf.shape(x)[:1]
    context = tf.distribute.get_replica_context()
    # As floats: integers are in the memory of the host, which the collectives of GPUs cannot reach. A sum, as a gather
    # exchanges shapes first, and without a graph is traced again at each call.
    own = tf.cast(tf.shape(x)[0], tf.float32) * tf.one_hot(context.replica_id_in_sync_group, num_replicas())
    return tf.cast(context.all_reduce(tf.distribute.ReduceOp.SUM, own), tf.int32)


def own_rows(x: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """This replica's rows of x, as many as `like` has: [B, ...] -> [B / N, ...]."""
    if num_replicas() == 1:
        return x
    start = tf.reduce_sum(sizes(like)[: tf.distribute.get_replica_context().replica_id_in_sync_group])
    return x[start : start + tf.shape(like)[0]]


def standard_normal_like(x: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Noise of the shape of x: this replica's rows of one array [B, ...] that all replicas draw together."""
    shape = tf.concat([[tf.reduce_sum(sizes(x))], tf.shape(x)[1:]], axis=0)
    return tf.ensure_shape(own_rows(tf.random.stateless_normal(shape, seed, dtype=x.dtype), like=x), x.shape)


def uniform(like: tf.Tensor, width: int, seed: tf.Tensor) -> tf.Tensor:
    """Draws from U(0, 1), `width` for each row of `like`: this replica's rows of one array [B, width]."""
    # Only then: what a network draws for images that are refused must not change its moving statistics.
    with tf.control_dependencies([like]):
        drawn = tf.random.stateless_uniform([tf.reduce_sum(sizes(like)), width], seed)
    return tf.ensure_shape(own_rows(drawn, like=like), [like.shape[0], width])


def global_mean(per_example: tf.Tensor) -> tf.Tensor:
    """This replica's share of the mean over the global batch: Keras optimizers *sum* gradients over replicas."""
    return tf.reduce_sum(per_example) / tf.cast(tf.reduce_sum(sizes(per_example)), per_example.dtype)


def if_enough(rows: tf.Tensor, at_least: int, step: Callable[[tf.Tensor], Any]) -> None:
    """Runs step(rows) on each replica, unless all of them have fewer than `at_least` rows.

    A replica with too few rows takes part in the step of the others, which needs what it sends to them. Where all have
    too few, no replica runs the step, and no variable changes.

    Args:
        rows: this replica's, [B / N, ...].
        at_least: int, at least 1.
        step: may change variables; what it returns is not used.
    """
    # A size that a graph knows is that of the data set's batches, the same on all replicas.
    size = rows.shape[0] if num_replicas() == 1 or not tf.executing_eagerly() else None
    if at_least == 1 or (size is not None and size >= at_least):
        step(rows)
        return
    if size is not None:
        return
    if num_replicas() == 1:
        _when(tf.shape(rows)[0] >= at_least, lambda: step(rows))
        return

    def on_all(strategy: tf.distribute.Strategy, enough: Any, rows: Any) -> None:
        first = strategy.experimental_local_results(enough)[0]  # all have the same
        _when(first, lambda: strategy.extended.call_for_each_replica(step, args=(rows,)))

    # Across the replicas: a replica cannot update variables within a branch of its own.
    enough = tf.reduce_any(sizes(rows) >= at_least)
    tf.distribute.get_replica_context().merge_call(on_all, args=(enough, rows))


def step_logs(metrics: Iterable[keras.metrics.Metric]) -> dict[str, Any]:
    """The results of the metrics, in a shape that `fit` can reduce."""
    logs = {metric.name: metric.result() for metric in metrics}
    if is_multi_worker(tf.distribute.get_strategy()):
        # Keras averages the logs of workers over axis 0, which a scalar lacks (tensorflow/tensorflow#72388).
        logs = {name: tf.reshape(result, [1]) for name, result in logs.items()}
    return logs


def strategy(name: str) -> tf.distribute.Strategy:
    """Creates a strategy by name, once, before anything else is done with TensorFlow.

    Args:
        name: "single" (the default device), "mirrored" (all devices of this machine) or "multi_worker" (all machines
            in TF_CONFIG).

    Raises:
        ValueError: for another name, or for "multi_worker" without TF_CONFIG.
    """
    if name == "single":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        return tf.distribute.MirroredStrategy()
    if name == "multi_worker":
        if "TF_CONFIG" not in os.environ:
            raise ValueError(
                "Expected the environment variable TF_CONFIG to name the workers of multi_worker, as in "
                '{"cluster": {"worker": ["host1:port", "host2:port"]}, "task": {"type": "worker", "index": 0}}'
            )
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise ValueError(f"Expected a strategy out of ['single', 'mirrored', 'multi_worker']. Received: {name!r}")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the one that writes files."""
    resolver = strategy.cluster_resolver
    cluster = resolver.cluster_spec().as_dict() if resolver else {}
    # TF_CONFIG may name a chief as well as workers; where it does not, the first worker is the chief.
    return not cluster or (resolver.task_type, resolver.task_id) == ("chief" if "chief" in cluster else "worker", 0)


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """Whether other processes train too, with replicas of their own."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def of_all_workers(strategy: tf.distribute.Strategy, value: float) -> list[float]:
    """The values of all replicas of all workers, in their order; every worker must call it."""
    if not is_multi_worker(strategy):
        return [value]
    # As floats, for the same reason as in `sizes`.
    each = _of_all_workers(strategy)(tf.constant([value], tf.float64))
    return strategy.experimental_local_results(each)[0].numpy().tolist()


@contextmanager
def all_workers_needed() -> Iterator[None]:
    """Reports that a worker has ended when the others cannot continue without it.

    They notice at once when its process ends, and within half a minute when its machine no longer answers:
    TensorFlow's coordination service waits 10 seconds for a heartbeat.

    Raises:
        ConnectionError: instead of TensorFlow's error.
    """
    try:
        yield
    except tf.errors.OpError as error:
        _, aborted, reason = error.message.partition("Collective ops is aborted by: ")
        if not aborted:
            raise
        raise ConnectionError(
            "Another worker has ended, and the others cannot continue without it. The same command on all workers "
            f"resumes from the last checkpoint. TensorFlow reports: {reason}"
        ) from error


def _when(condition: tf.Tensor, function: Callable[[], Any]) -> None:
    def run() -> tf.Tensor:
        function()
        return tf.constant(0)  # as both branches have to return something

    tf.cond(condition, run, lambda: tf.constant(0))


@functools.cache
def _of_all_workers(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], Any]:
    # The identity puts the value on the replica's device.
    return tf.function(lambda own: strategy.run(lambda: gather(tf.identity(own))), autograph=False)
