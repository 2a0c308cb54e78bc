"""FactorVAE with the prior in the place of the product of the marginals."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.factor_vae import FactorVAE
from tfvae.models.vae import VAE
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class PriorFactorVAE(FactorVAE):
    """Pulls the codes of all images to the prior, by an adversary (the variant of Kim & Mnih, 2018, Appendix F).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma KL(q(z) || p(z))

    The prior is factorial, so that KL(q(z) || p(z)) = TC(z) + sum_j KL(q(z_j) || p(z_j)): beside the total correlation,
    this penalises marginals that are no standard normal. It is InfoVAE (Zhao et al., 2017) with alpha = 0 and
    lambda = 1 + gamma. Samples of the prior cost nothing, so a step takes one batch, not FactorVAE's two.

    Args:
        encoder: as in `VAE`.
        decoder: as in `VAE`.
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the prior".
        gamma: float, at least 0. The paper tunes it over the values that it takes for FactorVAE, of which 35 is one.
        warmup_steps: as in `FactorVAE`.
        seed: as in `VAE`.

    Raises:
        ValueError: when the networks do not fit each other, or gamma or warmup_steps is negative.
    """

    logged = (*VAE.logged, "prior_divergence", "discriminator_loss", "discriminator_accuracy")
    batch_multiple = 1

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = VAE.loss_terms(self, images, posterior, z)
        logits = self.discriminator(z)
        divergence = objectives.prior_divergence(logits)
        loss = terms["loss"] + self.penalty_weight() * divergence
        return {**terms, "loss": loss, "prior_divergence": divergence, "logits": logits}

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        with tf.GradientTape(persistent=True) as tape:
            posterior = self.posterior(images)
            z = self.sample(posterior, self.step_seed(stream=0))
            terms = self.loss_terms(images, posterior, z)
            loss = self.scaled_mean(terms["loss"])
        prior_seed = self.step_seed(stream=1)
        self.minimise(tape, loss)

        prior = replicas.standard_normal_like(z, prior_seed)
        with tape:  # which has D(z), as in FactorVAE
            terms |= self.discriminator_terms(terms["logits"], self.discriminator(prior))
            loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss, "discriminator_optimizer")
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        posterior = self.posterior(images)
        z = self.sample(posterior, self.test_seed(stream=0))
        prior = replicas.standard_normal_like(z, self.test_seed(stream=1))
        terms = self.loss_terms(images, posterior, z)
        return self.log({**terms, **self.discriminator_terms(terms["logits"], self.discriminator(prior))})
