"""InfoWGAN-GP."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.checks import has_batch_norm
from tfvae.models.info_gan import InfoGAN
from tfvae.models.passes import forward_pass
from tfvae.models.weights import Weight
from tfvae.networks import gan as gan_networks
from tfvae.objectives.gan import between, gradient_penalty


@keras.saving.register_keras_serializable("tfvae")
class InfoWGANGP(InfoGAN):
    """InfoGAN with the Wasserstein distance and a gradient penalty (Kim & Mnih, 2018, Appendix G).

    min_{G,Q} max_D  E[D(x)] - E[D(G)] - eta E[(||grad D(xhat)|| - 1)^2] - lambda E[log Q(c | G) + H(c)]

    with xhat = eps x + (1 - eps) G on the line between an image and a generated one, and eps ~ U(0, 1) for each image
    (Gulrajani et al., 2017, Algorithm 1: one eps for the whole batch has the same expectation and more variance).

    A step moves the critic n_critic times, each time on other images and new codes, and then G and Q's head once. Of
    what `fit` is given, the images at places i, i + n_critic, ... are the critic's i-th batch: a batch of n_critic m
    images is the paper's batch size m. Of a batch that is not a multiple, the last images are left out; a last batch of
    fewer than n_critic images makes no step.

    Args:
        encoder: a built Sequential of two networks, the trunk, images [B, H, W, C] -> features [B, F], and Q's head,
            features -> [B, D + C]: means, then logits. The trunk has no batch norm, as the penalty is of each image's
            own gradient.
        generator: a built model, [B, D + C + noise_dim] -> images [B, H, W, C] in [0, 1].
        discriminator: a built model, features [B, F] -> the critic's values [B, 1].
        gradient_penalty_weight: eta, at least 0.
        n_critic: critic's steps for each of the generator's, at least 1. Gulrajani et al. take 5.
        categories: int, C, at least 2, or 0 for continuous codes alone. The default is MNIST's, in Table 4.
        noise_dim: int, the dimension of z, at least 0. The default is MNIST's, in Table 4.
        mutual_information_weight: lambda, at least 0. The paper tries 0 to 2.
        code_stddev: the width of Q's Gaussians, above 0.
        seed: int. With the step, it decides the codes and the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, a number is out of its range, the trunk has batch norm, or
            for mixed_float16.

    Examples:
        >>> model = tfvae.create("info_wgan_gp", (64, 64, 1), latent_dim=2, categories=3, noise_dim=4)
        >>> model.decode(np.eye(5)).shape  # codes and one-hot categories -> images, all with the same noise
        TensorShape([5, 64, 64, 1])
    """

    logged = (
        "generator_loss", "discriminator_loss", "mutual_information", "wasserstein", "gradient_penalty"
    )  # fmt: skip
    default_batch_size = 320  # 64 for each of the 5 steps of the critic
    make_encoder = staticmethod(partial(gan_networks.encoder, critic=True))
    gradient_penalty_weight = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        gradient_penalty_weight: float = 10.0,
        n_critic: int = 5,
        categories: int = 10,
        noise_dim: int = 62,
        mutual_information_weight: float = 1.0,
        code_stddev: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            encoder,
            generator,
            discriminator,
            categories=categories,
            noise_dim=noise_dim,
            mutual_information_weight=mutual_information_weight,
            code_stddev=code_stddev,
            seed=seed,
            **kwargs,
        )
        if gradient_penalty_weight < 0 or n_critic < 1:
            raise ValueError(
                "Expected gradient_penalty_weight of at least 0 and n_critic of at least 1. "
                f"Received: gradient_penalty_weight={gradient_penalty_weight}, n_critic={n_critic}"
            )
        if has_batch_norm(self.trunk):
            raise ValueError("Expected a trunk without batch norm, which mixes the gradients of images. Received: one")
        if self.dtype_policy.name == "mixed_float16":
            # The gradient within the loss is not scaled, and underflows.
            raise ValueError("Expected float32 or mixed_bfloat16: the penalty's gradients underflow in float16")
        self.gradient_penalty_weight = gradient_penalty_weight
        self.n_critic = n_critic
        self.batch_multiple = n_critic

    @classmethod
    def batch_size_of(cls, parameters: Mapping[str, Any]) -> int:
        return 64 * parameters["n_critic"]

    def train_step(self, data: Any) -> dict[str, Any]:
        return self.train_if_enough(self.images_of(data), self.step)

    def step(self, images: tf.Tensor) -> Terms:
        """n_critic steps of the critic and one of the generator; the terms of their losses, each [B]."""
        images = images[: tf.shape(images)[0] // self.n_critic * self.n_critic]
        generator_seed = self.step_seed(stream=0)
        code_seeds, share_seeds = (tf.random.split(self.step_seed(stream), self.n_critic) for stream in (1, 2))

        steps = []
        for step in range(self.n_critic):
            part = images[step :: self.n_critic]
            with forward_pass(training=True):  # of its own: the generator learns nothing from these images
                fake = self.run(self.generator, self.sample(part, code_seeds[step]))
            with tf.GradientTape() as tape:
                steps += [self.critic_terms(part, fake, share_seeds[step])]
                loss = self.scaled_mean(steps[-1]["discriminator_loss"], "discriminator_optimizer")
            self.minimise(tape, loss, "discriminator_optimizer")

        with tf.GradientTape() as tape:
            drawn = self.sample(part, generator_seed)
            features = self.run(self.trunk, self.run(self.generator, drawn))
            terms = self.generator_terms(drawn, features)
            loss = self.scaled_mean(terms["loss"])
        self.minimise(tape, loss)
        return terms | {name: tf.concat([step[name] for step in steps], axis=0) for name in steps[0]}

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        drawn = self.sample(images, self.test_seed(stream=0))
        fake = self.run(self.generator, drawn)
        terms = self.critic_terms(images, fake, self.test_seed(stream=2))
        features = self.run(self.trunk, fake)
        return self.log(terms | self.generator_terms(drawn, features))

    def judge(self, images: tf.Tensor) -> tf.Tensor:
        """The critic's values, [B, 1]."""
        return self.run(self.discriminator, self.run(self.trunk, images))

    def critic_terms(self, images: tf.Tensor, fake: tf.Tensor, seed: tf.Tensor) -> Terms:
        """What the critic minimises, "discriminator_loss", and its parts, each [B]; `seed` is that of eps."""
        between_them = between(images, fake, replicas.uniform(images, 1, seed))
        wasserstein = (self.judge(images) - self.judge(fake))[:, 0]
        penalty = gradient_penalty(self.judge, between_them)
        return {
            "discriminator_loss": self.gradient_penalty_weight * penalty - wasserstein,
            "wasserstein": wasserstein,
            "gradient_penalty": penalty,
        }

    def generator_loss(self, judgements: tf.Tensor) -> tf.Tensor:
        """-D(G), [B]."""
        return -judgements[:, 0]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "gradient_penalty_weight": self.gradient_penalty_weight,
            "n_critic": self.n_critic,
        }
