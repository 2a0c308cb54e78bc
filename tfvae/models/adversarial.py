"""A VAE with a discriminator that sees codes: the base of FactorVAE and its relatives."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.base import Terms
from tfvae.models.checks import check_network
from tfvae.models.ends import check_logits
from tfvae.models.passes import statistics_kept
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.networks import vae as networks
from tfvae.objectives import vae as objectives

# The paper's two Adam (Kim & Mnih, 2018, Appendix A).
OPTIMIZERS: dict[str, Mapping[str, float]] = {
    **VAE.optimizers,
    "discriminator_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9},
}
DISCRIMINATOR_SIZES: dict[str, int] = {
    name: inspect.signature(networks.discriminator).parameters[name].default for name in ("depth", "units")
}


class AdversarialVAE(VAE):
    """Trains a discriminator to tell codes z ~ q(z) from others, and the autoencoder to make that hard.

    loss = a VAE's + gamma E[log D(z) - log(1 - D(z))], the density ratio's estimate of KL(q(z) || the others)

    A subclass says in `other_codes` what the others are, and adds the penalty in `loss_terms`. If it needs a batch of
    its own for them, it splits what `fit` gives it in `batches`.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the others".
        gamma: float, at least 0. The paper's best for FactorVAE on 2D Shapes are 35 to 40.
        warmup_steps: int, at least 0: the weight of the penalty rises in a straight line from 0 to gamma over so many
            steps; with 0 it is gamma from the start, as in the paper.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or an argument is out of its range.

    Examples:
        >>> model = tfvae.create("factor_vae", (16, 16, 1), latent_dim=2, gamma=10.0)
        >>> isinstance(model, tfvae.models.AdversarialVAE), model.discriminator.output_shape
        (True, (None, 2))
    """

    networks = (*VAE.networks, "discriminator")
    optimizers = OPTIMIZERS
    trained_networks = {**VAE.trained_networks, "discriminator_optimizer": ("discriminator",)}
    discriminator_sizes = DISCRIMINATOR_SIZES
    adversary = "discriminator"
    gamma = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 35.0,
        warmup_steps: int = 0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        check_network("discriminator", discriminator)
        code_dim = decoder.input_shape[-1]
        if discriminator.input_shape[1:] != (code_dim,) or discriminator.output_shape[-1] != 2:
            raise ValueError(
                f"Expected a discriminator [B, {code_dim}] -> [B, 2]. "
                f"Received: {discriminator.input_shape} -> {discriminator.output_shape}"
            )
        if gamma < 0 or warmup_steps < 0:
            raise ValueError(
                f"Expected gamma and warmup_steps of at least 0. Received: gamma={gamma}, warmup_steps={warmup_steps}"
            )
        check_logits("discriminator", discriminator)
        self.discriminator = discriminator
        self.gamma = gamma
        self.warmup_steps = warmup_steps

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        makers = super().network_makers(experiment, image_shape)
        return {**makers, "discriminator": discriminator_maker(experiment, experiment.latent_dim)}

    def compile(self, optimizer: Any = None, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """As `VAE.compile`, with an optimizer for the discriminator: by default the paper's Adam (1e-4, 0.5, 0.9)."""
        super().compile(optimizer=optimizer, discriminator_optimizer=discriminator_optimizer, **kwargs)

    def penalty_weight(self) -> float | tf.Tensor:
        """The weight of the penalty in the next step: gamma, once it has warmed up."""
        return self.gamma * self.progress(self.warmup_steps) if self.warmup_steps else self.gamma

    def batches(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        """B, and B' where a step needs a second batch, out of what `fit` gives it."""
        return images, None

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """The codes that the discriminator learns to tell z from.

        Args:
            others: images of B' [B, H, W, C]; None if z has to serve, as in an evaluation.
            z: codes of the images of B, [B, D].
            seeds: of two streams.

        Returns:
            float tensor [B, D].
        """
        raise NotImplementedError

    def codes_of_others(self, others: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Codes of the images of B', in the mode in which B was encoded: [m, D].

        The discriminator would otherwise learn what sets batch norm in training apart from inference, or codes with
        dropout from codes without. The statistics of batch norm are those of B alone: a step moves them once.
        """
        with statistics_kept(self.encoder):
            return self.sample(self.posterior(others), seed)

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        """As `VAE.loss_terms`, and "logits" [B, 2]: D(z), which the discriminator learns from too."""
        return {**super().loss_terms(images, posterior, z), "logits": self.judge(z)}

    def judge(self, codes: tf.Tensor, *, training: bool | None = None) -> tf.Tensor:
        """What the discriminator says of codes [B, D]: logits [B, 2]. `training` is that of `run`."""
        return self.run(self.discriminator, codes, training=training)

    def discriminator_terms(self, logits: tf.Tensor, logits_of_others: tf.Tensor) -> Terms:
        """The discriminator's loss, in nats, and how often it is right, each [B]."""
        return {
            "discriminator_loss": objectives.discriminator_loss(logits, logits_of_others),
            "discriminator_accuracy": objectives.discriminator_accuracy(logits, logits_of_others),
        }

    def train_step(self, data: Any) -> dict[str, Any]:
        return self.train_if_enough(self.images_of(data), self.step)

    def step(self, images: tf.Tensor) -> Terms:
        """A step of Algorithm 2, with the KL in closed form, on what `fit` is given: the terms before it, each [B]."""
        images, others = self.batches(images)

        with tf.GradientTape(persistent=True) as tape:
            posterior = self.posterior(images)
            z = self.sample(posterior, self.step_seed(stream=0))
            terms = self.loss_terms(images, posterior, z)
            loss = self.scaled_mean(terms["loss"])
        # Drawn before `minimise`, which advances the step that the seeds follow from.
        seeds = self.step_seed(stream=1), self.step_seed(stream=2)
        self.minimise(tape, loss)

        # B' is encoded by the updated autoencoder, as Algorithm 2 is printed (CONTRIBUTING.md, "Design").
        z_others = self.other_codes(others, z, seeds)
        with tape:  # which has D(z): the autoencoder's update leaves the discriminator as it was
            terms |= self.discriminator_terms(terms["logits"], self.judge(z_others))
            loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss, "discriminator_optimizer")
        return terms

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        posterior = self.posterior(images)
        z = self.sample(posterior, self.test_seed(stream=0))
        terms = self.loss_terms(images, posterior, z)
        z_others = self.other_codes(None, z, (self.test_seed(stream=1), self.test_seed(stream=2)))
        return self.log({**terms, **self.discriminator_terms(terms["logits"], self.judge(z_others))})

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma, "warmup_steps": self.warmup_steps}


def two_batches(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """B and B' of Algorithm 2: the even rows and the odd rows, [m, H, W, C] each.

    Taken in turn, not as first and second half, so that replicas with a share of the rows each split as one does. Of an
    odd number, the last image is left out.
    """
    images = images[: tf.shape(images)[0] // 2 * 2]
    # Not images[0::2]: TensorFlow's slices with a stride take ten times as long.
    images, others = tf.unstack(tf.reshape(images, [-1, 2, *images.shape[1:]]), axis=1)
    return images, others


def permuted(z: tf.Tensor, seed: tf.Tensor, *, block: int = 1) -> tf.Tensor:
    """`permute_dims` over the global batch, of which this replica has its own rows: [B, D] -> [B, D]."""
    return replicas.own_rows(objectives.permute_dims(replicas.gather(z), seed, block=block), like=z)


def discriminator_maker(experiment: Experiment, code_dim: int) -> Callable[..., keras.Model]:
    """A function of `seed` that builds the experiment's discriminator of codes [B, code_dim]."""
    sizes: dict[str, Any] = {**experiment.discriminator, "dtype": experiment.precision}
    return partial(networks.discriminator, code_dim, **sizes)
