from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from tfvae import replicas

ROWS = np.arange(24, dtype=np.float32).reshape(8, 3)


def on_replicas(strategy, function, rows_of_first=4):
    """Runs function(this replica's rows of ROWS) on each of two replicas; the results, in their order."""

    def rows(context):
        parts = ROWS[:rows_of_first], ROWS[rows_of_first:]
        return tf.constant(parts[context.replica_id_in_sync_group])

    distributed = strategy.experimental_distribute_values_from_function(rows)
    results = strategy.run(tf.function(function), args=(distributed,))
    return [result.numpy() for result in strategy.experimental_local_results(results)]


def test_gather_gives_each_replica_the_global_batch(mirrored):
    for result in on_replicas(mirrored, replicas.gather):
        np.testing.assert_array_equal(result, ROWS)
    np.testing.assert_array_equal(replicas.gather(tf.constant(ROWS)), ROWS)


def test_own_rows_undoes_gather(mirrored):
    results = on_replicas(mirrored, lambda x: replicas.own_rows(replicas.gather(x), like=x))
    np.testing.assert_array_equal(np.stack(results), ROWS.reshape(2, 4, 3))
    np.testing.assert_array_equal(replicas.own_rows(tf.constant(ROWS), like=tf.constant(ROWS)), ROWS)


def test_the_gradient_of_gathered_rows_flows_back_to_their_replica(mirrored):
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            # Half of the sum, as each of the two replicas takes the gradient of it.
            total = tf.reduce_sum(replicas.gather(x) ** 2) / 2
        return tape.gradient(total, x)

    np.testing.assert_allclose(np.concatenate(on_replicas(mirrored, gradient)), 2 * ROWS)


def test_replicas_share_one_draw_of_noise(mirrored):
    def noise(x):
        return replicas.standard_normal_like(x, [1, 2])

    alone = noise(tf.constant(ROWS)).numpy()
    np.testing.assert_array_equal(np.concatenate(on_replicas(mirrored, noise)), alone)
    np.testing.assert_array_equal(alone, tf.random.stateless_normal(ROWS.shape, [1, 2]))
    assert not np.array_equal(alone, replicas.standard_normal_like(tf.constant(ROWS), [1, 3]))


@pytest.mark.parametrize(("rows_of_first", "steps"), [(5, [3, 5]), (8, [0, 8]), (4, [])])
def test_a_step_runs_on_all_replicas_if_one_has_enough_rows(rows_of_first, steps, mirrored):
    seen = []
    distributed = mirrored.experimental_distribute_values_from_function(
        lambda context: tf.constant([ROWS[:rows_of_first], ROWS[rows_of_first:]][context.replica_id_in_sync_group])
    )
    mirrored.run(replicas.if_enough, args=(distributed, 5, lambda rows: seen.append(len(rows))))
    assert sorted(seen) == steps


@pytest.mark.parametrize("known", [True, False])
def test_a_step_runs_on_one_device_if_it_has_enough_rows(known):
    steps = tf.Variable(0)
    spec = tf.TensorSpec((8 if known else None, 3))
    run = tf.function(lambda rows, n: replicas.if_enough(rows, n, lambda _: steps.assign_add(1)), autograph=False)
    for at_least, expected in ((8, 1), (9, 1), (1, 2)):
        run.get_concrete_function(spec, at_least)(tf.constant(ROWS))
        assert steps.numpy() == expected


def test_global_means_add_up_to_the_mean_over_all_replicas(mirrored):
    means = on_replicas(mirrored, lambda x: replicas.global_mean(x[:, 0]))
    np.testing.assert_allclose(sum(means), ROWS[:, 0].mean())
    np.testing.assert_allclose(replicas.global_mean(tf.constant(ROWS[:, 0])), ROWS[:, 0].mean())


@pytest.mark.parametrize("rows_of_first", [5, 8])
def test_replicas_may_have_unequal_shares(rows_of_first, mirrored):
    def columns(x):
        noise = replicas.standard_normal_like(x, [1, 2])
        own = replicas.own_rows(replicas.gather(x), like=x)
        mean = replicas.global_mean(x[:, 0]) * tf.ones_like(x)
        return tf.concat([noise, own, mean], axis=1)

    noise, own, mean = np.split(np.concatenate(on_replicas(mirrored, columns, rows_of_first)), 3, axis=1)
    np.testing.assert_array_equal(noise, tf.random.stateless_normal(ROWS.shape, [1, 2]))
    np.testing.assert_array_equal(own, ROWS)
    shares = mean[0, 0] + (mean[-1, 0] if rows_of_first < 8 else 0)
    np.testing.assert_allclose(shares, ROWS[:, 0].mean(), rtol=1e-6)


def test_strategies_have_names(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert replicas.strategy("single").num_replicas_in_sync == 1
    assert isinstance(replicas.strategy("mirrored"), tf.distribute.MirroredStrategy)
    with pytest.raises(ValueError, match=r"single.*mirrored.*multi_worker.*Received: 'tpu'"):
        replicas.strategy("tpu")
    with pytest.raises(ValueError, match="TF_CONFIG"):
        replicas.strategy("multi_worker")


@pytest.mark.parametrize(
    ("cluster", "task", "expected"),
    [
        ({"worker": ["a:1", "b:1"]}, ("worker", 0), True),
        ({"worker": ["a:1", "b:1"]}, ("worker", 1), False),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, ("chief", 0), True),
        ({"chief": ["a:1"], "worker": ["b:1", "c:1"]}, ("worker", 0), False),
        ({}, (None, None), True),
    ],
)
def test_one_process_of_a_cluster_is_the_chief(cluster, task, expected):
    resolver = SimpleNamespace(cluster_spec=lambda: tf.train.ClusterSpec(cluster), task_type=task[0], task_id=task[1])
    assert replicas.is_chief(SimpleNamespace(cluster_resolver=resolver)) is expected


def test_a_process_without_a_cluster_is_the_chief(mirrored):
    assert replicas.is_chief(tf.distribute.get_strategy())
    assert replicas.is_chief(mirrored)


def test_an_error_says_that_another_worker_has_ended():
    aborted = "Collective ops is aborted by: /job:worker/task:1 is down"
    with (
        pytest.raises(
            ConnectionError, match=r"Another worker has ended, .* TensorFlow reports: /job:worker/task:1 is down"
        ),
        replicas.all_workers_needed(),
    ):
        raise tf.errors.UnavailableError(None, None, aborted)


def test_other_errors_of_tensorflow_stay_as_they_are():
    with pytest.raises(tf.errors.UnavailableError, match="the disk is gone"), replicas.all_workers_needed():
        raise tf.errors.UnavailableError(None, None, "the disk is gone")
