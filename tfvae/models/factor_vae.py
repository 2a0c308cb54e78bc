"""FactorVAE."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.networks import vae as networks
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class FactorVAE(VAE):
    """Penalises the total correlation of the code, by an adversary (Kim & Mnih, 2018, eq. 2).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma TC(z)

    Algorithm 2 takes two batches a step: of what `fit` is given, the images at even places are its B and those at odd
    places its B'. So a batch of 2 m images is the paper's batch size m; of an odd last batch, one image is left out.

    Args:
        encoder: as in `VAE`.
        decoder: as in `VAE`.
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the product of its marginals".
        gamma: float, at least 0. The paper's best on 2D Shapes are 35 to 40.
        warmup_steps: int, at least 0: over so many steps the weight of TC rises from 0 to gamma, in a straight line; 0
            as in the paper.
        seed: as in `VAE`.

    Raises:
        ValueError: when the networks do not fit each other, or gamma or warmup_steps is negative.
    """

    networks = (*VAE.networks, "discriminator")
    optimizers = {**VAE.optimizers, "discriminator_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.9}}
    logged = (*VAE.logged, "total_correlation", "discriminator_loss", "discriminator_accuracy")
    batch_multiple = 2

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 35.0,
        warmup_steps: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, discriminator=discriminator, **kwargs)
        code_dim = decoder.input_shape[-1]
        if discriminator.input_shape[-1] != code_dim or discriminator.output_shape[-1] != 2:
            raise ValueError(
                f"Expected a discriminator [B, {code_dim}] -> [B, 2]. "
                f"Received: {discriminator.input_shape} -> {discriminator.output_shape}"
            )
        if gamma < 0 or warmup_steps < 0:
            raise ValueError(
                f"Expected gamma and warmup_steps of at least 0. Received: gamma={gamma}, warmup_steps={warmup_steps}"
            )
        self.gamma = gamma
        self.warmup_steps = warmup_steps

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, int, int]
    ) -> dict[str, Callable[..., keras.Model]]:
        sizes: dict[str, Any] = {**experiment.discriminator, "dtype": experiment.precision}
        discriminator = partial(networks.discriminator, experiment.latent_dim, **sizes)
        return {**super().network_makers(experiment, image_shape), "discriminator": discriminator}

    def compile(self, optimizer: Any = None, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """As `VAE.compile`, with an optimizer for the discriminator: by default the paper's Adam (1e-4, 0.5, 0.9)."""
        super().compile(optimizer=optimizer, discriminator_optimizer=discriminator_optimizer, **kwargs)

    def trained_by(self) -> dict[str, list[keras.Variable]]:
        return {**super().trained_by(), "discriminator_optimizer": self.discriminator.trainable_variables}

    def penalty_weight(self) -> float | tf.Tensor:
        """That of the total correlation in the step that comes next: gamma, once it has warmed up."""
        return self.gamma * self.progress(self.warmup_steps) if self.warmup_steps else self.gamma

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        """As `VAE.loss_terms`, and "logits" [B, 2]: what the discriminator, which learns from them too, says of z."""
        terms = super().loss_terms(images, posterior, z)
        logits = self.discriminator(z)
        tc = objectives.total_correlation(logits)
        return {**terms, "loss": terms["loss"] + self.penalty_weight() * tc, "total_correlation": tc, "logits": logits}

    def train_step(self, data: Any) -> dict[str, Any]:
        images, others = self.halves(self.images_of(data))

        with tf.GradientTape(persistent=True) as tape:
            posterior = self.posterior(images)
            z = self.sample(posterior, self.step_seed(stream=0))
            terms = self.loss_terms(images, posterior, z)
            loss = self.scaled_mean(terms["loss"])
        seeds = self.step_seed(stream=1), self.step_seed(stream=2)
        self.minimise(tape, loss)

        # B' is encoded by the updated autoencoder, as Algorithm 2 has it (CONTRIBUTING.md: an open question).
        z_permuted = self.permuted(self.sample(self.posterior(others), seeds[0]), seeds[1])
        with tape:  # which has D(z): the autoencoder's update leaves the discriminator as it was
            terms |= self.discriminator_terms(terms["logits"], self.discriminator(z_permuted))
            loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss, "discriminator_optimizer")
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        posterior = self.posterior(images)
        z = self.sample(posterior, self.test_seed(stream=0))
        terms = self.loss_terms(images, posterior, z)
        logits_permuted = self.discriminator(self.permuted(z, self.test_seed(stream=2)))
        return self.log({**terms, **self.discriminator_terms(terms["logits"], logits_permuted)})

    def halves(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """B and B' of Algorithm 2: the even rows and the odd rows, [m, H, W, C] each.

        Taken in turn, not as first and second half, so that replicas with a share of the rows each split as one does.
        """
        size = images.shape[0]
        if size is not None and size % 2:
            raise ValueError(f"Expected an even number of images: FactorVAE's step needs two batches. Received: {size}")
        pairs = tf.shape(images)[0] // 2
        enough = tf.debugging.Assert(pairs > 0, ["Expected at least 2 images a replica: B and B' of Algorithm 2."])
        with tf.control_dependencies([enough] if enough is not None else []):
            images = images[: 2 * pairs]
        # Not images[0::2]: TensorFlow's slices with a stride take ten times as long.
        images, others = tf.unstack(tf.reshape(images, [-1, 2, *self.image_shape]), axis=1)
        return images, others

    def permuted(self, z: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """permute_dims over the global batch: this replica's rows of it, [B, D]."""
        return replicas.own_rows(objectives.permute_dims(replicas.gather(z), seed), like=z)

    def discriminator_terms(self, logits: tf.Tensor, logits_permuted: tf.Tensor) -> Terms:
        return {
            "discriminator_loss": objectives.discriminator_loss(logits, logits_permuted),
            "discriminator_accuracy": objectives.discriminator_accuracy(logits, logits_permuted),
        }

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma, "warmup_steps": self.warmup_steps}
