"""FactorVAE with Gaussian latents and a categorical one."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.adversarial import AdversarialVAE, discriminator_maker, permuted, two_batches
from tfvae.models.base import Terms
from tfvae.models.vae import VAE, autoencoder_makers
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives
from tfvae.objectives.distributions import gaussian_posterior


class JointPosterior(NamedTuple):
    """q(z, c | x): independent given x.

    Args:
        gaussian: q(z | x), batch shape [B], event shape [D].
        logits: of q(c | x), [B, C].
    """

    gaussian: tfp.distributions.Distribution
    logits: tf.Tensor


@keras.saving.register_keras_serializable("tfvae")
class JointFactorVAE(AdversarialVAE):
    """FactorVAE with D Gaussian latents z and one category c out of C, for factors of which one is discrete.

    loss = E[-log p(x | z, c)] + KL(q(z | x) || p(z)) + KL(q(c | x) || p(c)) + gamma TC(z, c)

    It has the penalty of Kim & Mnih (2018, eq. 2) and the latents of JointVAE (Dupont, 2018), not its capacities. p(c)
    is uniform. In training, c is relaxed to a Concrete variable (Maddison et al., 2017; Jang et al., 2017), a point of
    the simplex, which gradients pass; it enters the discriminator and `permute_dims` as one variable of C entries.

    The KL of the category is in closed form, log C - H(q(c | x)), as in JointVAE. That of the relaxed variables, if the
    prior is relaxed at the same temperature, is larger, as the category is a function of the relaxed variable (its
    largest entry), and does not depend on the temperature (a power of the entries, renormalised, takes one temperature
    to another). So this loss is the bound of the model with a discrete c in the limit of temperature 0, in which the
    reconstruction is of a one-hot c; it is not a bound for the relaxed model.

    Args:
        encoder: a built model, images [B, H, W, C'] -> [B, 2 D + C]: means, log variances, logits.
        decoder: a built model, codes [B, D + C] -> logits [B, H, W, C'].
        discriminator: a built model, codes [B, D + C] -> logits [B, 2]: "from q(z, c)", "from the product of its
            marginals".
        categories: int, C, at least 2; by default the 3 shapes of 2D Shapes.
        temperature: float, above 0, of the relaxation. 2/3 is that of Maddison et al. (2017) and of JointVAE.
        gamma: float, at least 0. The paper's best for FactorVAE on 2D Shapes are 35 to 40.
        warmup_steps: int, at least 0: the weight of the penalty rises in a straight line from 0 to gamma over so many
            steps; with 0 it is gamma from the start, as in the paper.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or a number is out of its range.

    Examples:
        >>> model = tfvae.create("joint_factor_vae", (16, 16, 1), latent_dim=2, categories=3)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "categorical_kl", "total_correlation", "discriminator_loss", "discriminator_accuracy")
    batch_multiple = 2
    default_batch_size = 128
    temperature = Weight(positive=True)

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        categories: int = 3,
        temperature: float = 2 / 3,
        gamma: float = 35.0,
        warmup_steps: int = 0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        if categories < 2 or temperature <= 0:
            raise ValueError(
                "Expected categories of at least 2 and temperature above 0. "
                f"Received: categories={categories}, temperature={temperature}"
            )
        # Before the parent checks the networks, which depends on it.
        self.categories = categories
        self.temperature = temperature
        super().__init__(
            encoder,
            decoder,
            discriminator,
            gamma=gamma,
            warmup_steps=warmup_steps,
            likelihood=likelihood,
            scale=scale,
            seed=seed,
            **kwargs,
        )

    def check_networks(self) -> None:
        encoder, decoder, dim = self.encoder, self.decoder, self.latent_dim
        outputs = 2 * dim + self.categories
        if dim < 1 or encoder.output_shape[-1] != outputs or encoder.input_shape != decoder.output_shape:
            raise ValueError(
                f"Expected an encoder [B, H, W, C'] -> [B, 2 D + {self.categories}] and a decoder "
                f"[B, D + {self.categories}] -> [B, H, W, C'], or [B, F] for vectors, with D >= 1. "
                f"Received: encoder {encoder.input_shape} -> {encoder.output_shape}, "
                f"decoder {decoder.input_shape} -> {decoder.output_shape}"
            )

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        dim, categories = experiment.latent_dim, experiment.parameters["categories"]
        outputs, code_dim = 2 * dim + categories, dim + categories
        makers = autoencoder_makers(experiment, image_shape, code_dim, cls.architectures, outputs=outputs)
        return {**makers, "discriminator": discriminator_maker(experiment, code_dim)}

    @property
    def latent_dim(self) -> int:
        """D, the Gaussian latents."""
        return self.decoder.input_shape[-1] - self.categories

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output by name: {"mean": [B, D], "log_variance": [B, D], "probabilities": [B, C]}."""
        mean, log_variance, logits = self.split(parameters)
        return {"mean": mean, "log_variance": log_variance, "probabilities": tf.nn.softmax(logits)}

    def prior_draws(self, count: int, seed: int) -> tuple[np.ndarray, ...]:
        """Codes [count, D + C] from their prior: N(0, I), and a category drawn uniformly."""
        (gaussian,) = super().prior_draws(count, seed)
        drawn = np.random.default_rng([seed, 1]).integers(self.categories, size=count)
        return (np.hstack([gaussian, np.eye(self.categories, dtype=np.float32)[drawn]]),)

    def split(self, parameters: tf.Tensor) -> list[tf.Tensor]:
        """Means [B, D], log variances [B, D] and logits [B, C] out of the encoder's output [B, 2 D + C], as float32."""
        sizes = [self.latent_dim, self.latent_dim, self.categories]
        return tf.split(tf.cast(parameters, tf.float32), sizes, axis=-1)

    def posterior(self, images: tf.Tensor) -> JointPosterior:
        """q(z, c | x)."""
        mean, log_variance, logits = self.split(self.run(self.encoder, images))
        return JointPosterior(gaussian_posterior(tf.concat([mean, log_variance], axis=-1)), logits)

    def batches(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        return two_batches(images)

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Codes of B', permuted as in `FactorVAE`, the category as one variable: [B, D + C]."""
        z_others = z if others is None else self.codes_of_others(others, seeds[0])
        return permuted(z_others, seeds[1], block=self.categories)

    def loss_terms(self, images: tf.Tensor, posterior: JointPosterior, z: tf.Tensor) -> Terms:
        """The loss to minimise and its parts, each [B], in nats, for codes [B, D + C]."""
        terms = super().loss_terms(images, posterior.gaussian, z)
        tc = objectives.total_correlation(terms["logits"])
        loss = terms["loss"] + self.penalty_weight() * tc
        kl = objectives.categorical_kl(posterior.logits)
        return {**terms, "loss": loss + kl, "total_correlation": tc, "categorical_kl": kl}

    def sample(self, posterior: JointPosterior, seed: tf.Tensor) -> tf.Tensor:
        """z and the relaxed c, with noise that is one draw over the global batch: [B, D + C]."""
        z = super().sample(posterior.gaussian, seed)
        # Of the eight streams of a step, the samples of z take 0 and 1: their categories have 4 and 5.
        uniform = replicas.uniform(posterior.logits, self.categories, seed + tf.constant([4, 0]))
        return tf.concat([z, objectives.relaxed_category(posterior.logits, uniform, self.temperature)], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "categories": self.categories, "temperature": self.temperature}
