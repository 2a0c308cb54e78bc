"""The adversarial autoencoder."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Terms
from tfvae.models.prior_factor_vae import PriorFactorVAE


@keras.saving.register_keras_serializable("tfvae")
class AAE(PriorFactorVAE):
    """An autoencoder whose codes an adversary holds to the prior (Makhzani et al., 2015).

    loss = E[-log p(x | z)] + gamma KL(q(z) || p(z)), with z ~ q(z | x)    (Kim & Mnih, 2018, Appendix F)

    This is no bound on log p(x): nothing limits what a code tells of its image but the divergence of all codes from the
    prior, which `PriorFactorVAE` penalises beside the bound. The encoder is the Gaussian one of the paper's Section 2.
    As in Appendix F, one optimizer takes both terms in one step and the divergence is the density ratio's KL; Makhzani
    et al. take the two in turn, and gamma = 1 with the loss of a GAN. `kl` is logged, and is no part of the loss.

    Args:
        encoder: as in `VAE`.
        decoder: as in `VAE`.
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the prior".
        gamma: float, at least 0. 1 is the objective as it was published; Kim & Mnih tune it.
        warmup_steps: as in `FactorVAE`.
        seed: as in `VAE`.

    Raises:
        ValueError: when the networks do not fit each other, or gamma or warmup_steps is negative.
    """

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, discriminator, gamma=gamma, **kwargs)

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        return {**terms, "loss": terms["reconstruction"] + self.penalty_weight() * terms["prior_divergence"]}
