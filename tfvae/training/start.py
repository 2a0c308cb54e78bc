"""The weights that a training starts with, when they are those of a trained model."""

import logging
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae.data.batches import batches
from tfvae.experiment import Experiment
from tfvae.models.base import Model
from tfvae.replicas import is_multi_worker

_LOG = logging.getLogger(__name__)
_WINDOW = 500  # steps between two looks at the loss


def start(
    model: Model, source: Model | None, images: Any, experiment: Experiment, strategy: tf.distribute.Strategy
) -> None:
    """Gives a model the weights of another one. Without `source`, it keeps its new weights.

    Args:
        model: compiled, untrained.
        source: of the same networks.
        images: that the model is going to be trained on.
        experiment: of the training.
        strategy: where it runs.

    Raises:
        ValueError: when the networks differ, the experiment names a start that is not given, or a network without
            trained weights cannot be fitted first.
    """
    if source is None:
        if experiment.start_from is not None:
            raise ValueError(
                f"Expected start_from=tfvae.loading.load_to_train({experiment.start_from!r}), which the experiment "
                "names. Received: start_from=None"
            )
        return
    if type(source) is not type(model):
        raise ValueError(f"Expected a {type(model).__name__} to start from. Received: a {type(source).__name__}")
    if set(source.unfitted) - {model.adversary}:
        raise ValueError(
            f"Expected a run or a .keras file to start from: an export of {type(model).__name__} does not hold its "
            f"{' and '.join(source.unfitted)}. Received: exports"
        )
    pairs = [(variable, value) for name in model.networks for variable, value in _paired(model, source, name)]
    pairs += zip(model.own_variables, source.own_variables, strict=True)
    if source.unfitted:
        if is_multi_worker(strategy):
            raise ValueError(
                f"Expected a run or a .keras file to start from: each of several workers would fit a {model.adversary} "
                "of its own. Received: exports, which do not hold it"
            )
        _LOG.warning("The exports do not hold the %s, which is first fitted to the codes", model.adversary)
        found = fit_discriminator(source, images, batch_size=experiment.batch_size, seed=experiment.seed)
        _LOG.warning(
            "Fitted the %s in %d steps: loss %.3f nats, accuracy %.3f",
            model.adversary,
            found["steps"],
            found["discriminator_loss"],
            found["discriminator_accuracy"],
        )
    for variable, value in pairs:
        variable.assign(value)


def fit_discriminator(
    model: Model,
    images: Any,
    *,
    batch_size: int = 128,
    seed: int = 0,
    tolerance: float = 0.002,
    max_steps: int = 20_000,
    report: Callable[[int, float], Any] = lambda step, loss: None,
) -> dict[str, float]:
    """Trains a model's discriminator alone, to tell the codes of its frozen encoder from the others (Algorithm 2).

    It stops when the mean loss over 500 steps is not lower, by `tolerance`, than the lowest such mean before.

    Args:
        model: one with an `adversary`, such as `FactorVAE`.
        images: `ImageData` or an array, as `tfvae.data.batches` takes it.
        batch_size: of a step; FactorVAE splits it into two batches.
        seed: decides batches and noise.
        tolerance: float, in nats.
        max_steps: int >= 1.
        report: is called with the step and the mean loss of the last 500 steps.

    Returns:
        "steps", and of the last 500 of them the means "discriminator_loss", in nats, and "discriminator_accuracy".

    Raises:
        ValueError: for a model without an `adversary`.
    """
    if model.adversary is None:
        raise ValueError(f"Expected a model with an adversary. Received: a {type(model).__name__}")
    posterior = model.posterior
    assert posterior is not None  # of an adversary that judges codes
    settings = model.optimizers["discriminator_optimizer"]
    optimizer = keras.optimizers.Adam(**settings)
    variables = getattr(model, model.adversary).trainable_variables
    optimizer.build(variables)

    @tf.function(autograph=False)
    def step(batch: tf.Tensor, number: tf.Tensor) -> tf.Tensor:
        seeds = [tf.stack([tf.constant(seed * 16 + stream), number]) for stream in (8, 9, 10)]
        one, others = model.batches(batch)
        z = model.sample(posterior(one), seeds[0])
        z_others = model.other_codes(others, z, (seeds[1], seeds[2]))
        with tf.GradientTape() as tape:
            terms = model.discriminator_terms(model.judge(z, training=True), model.judge(z_others, training=True))
            loss = tf.reduce_mean(terms["discriminator_loss"])
        gradients = tape.gradient(loss, variables)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return tf.stack([loss, tf.reduce_mean(terms["discriminator_accuracy"])])

    found, lowest, done = [], np.inf, 0
    for number, batch in enumerate(batches(images, batch_size, seed=seed, steps=max_steps)):
        found.append(step(batch, tf.constant(number)))
        done = number + 1
        if done % _WINDOW == 0:
            loss = float(np.mean(found[-_WINDOW:], axis=0)[0])
            report(done, loss)
            if loss > lowest - tolerance:
                break
            lowest = min(lowest, loss)
    loss, accuracy = np.mean(found[-_WINDOW:], axis=0)
    model.unfitted = tuple(name for name in model.unfitted if name != model.adversary)
    return {"steps": done, "discriminator_loss": float(loss), "discriminator_accuracy": float(accuracy)}


def _paired(model: Model, source: Model, name: str) -> list[tuple[Any, Any]]:
    """The variables of a network of both models."""
    variables, values = (getattr(each, name).variables for each in (model, source))
    shapes = [[tuple(each.shape) for each in some] for some in (variables, values)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"Expected a model to start from whose {name} has weights of shapes {shapes[0]}. Received: {shapes[1]}"
        )
    return list(zip(variables, values, strict=True))
