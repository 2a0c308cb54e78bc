"""The adversarial autoencoder."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.adversarial import AdversarialVAE
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class AAE(AdversarialVAE):
    """An autoencoder whose codes an adversary holds to the prior (Makhzani et al., 2015).

    loss = E[-log p(x | z)] + gamma KL(q(z) || p(z)), with z ~ q(z | x)    (Kim & Mnih, 2018, Appendix F)

    This is not a bound on log p(x): only the divergence of all codes together from the prior limits how much a code
    says about its image. `PriorFactorVAE` adds that divergence to the bound. The encoder is the Gaussian one of the
    paper's Section 2. As in Appendix F, one optimizer takes both terms in one step and the divergence is the density
    ratio's KL; Makhzani et al. take the two in turn, with gamma = 1 and the loss of a GAN. `kl` is logged, but is not
    part of the loss.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the prior".
        gamma: float, at least 0. 1 is the objective as it was published; Kim & Mnih tune it.
        warmup_steps: int, at least 0: the weight of the penalty rises in a straight line from 0 to gamma over so many
            steps; with 0 it is gamma from the start, as in the paper.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or an argument is out of its range.

    Examples:
        >>> model = tfvae.create("aae", (16, 16, 1), latent_dim=2, gamma=1.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "prior_divergence", "discriminator_loss", "discriminator_accuracy")

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 1.0,
        warmup_steps: int = 0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
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

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Draws from the prior."""
        return replicas.standard_normal_like(z, seeds[0])

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        divergence = objectives.prior_divergence(terms["logits"])
        loss = terms["reconstruction"] + self.penalty_weight() * divergence
        return {**terms, "loss": loss, "prior_divergence": divergence}
