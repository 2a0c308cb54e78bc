"""FactorVAE with the prior instead of the product of the marginals."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.adversarial import AdversarialVAE
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class PriorFactorVAE(AdversarialVAE):
    """Pulls the codes of all images to the prior, by an adversary (the variant of Kim & Mnih, 2018, Appendix F).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma KL(q(z) || p(z))

    The prior is factorial, so KL(q(z) || p(z)) = TC(z) + sum_j KL(q(z_j) || p(z_j)): this penalises the total
    correlation and also marginals that are not standard normal. It is InfoVAE (Zhao et al., 2017) with alpha = 0 and
    lambda = 1 + gamma. Samples of the prior cost nothing, so a step takes one batch, not FactorVAE's two.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the prior".
        gamma: float, at least 0. The paper tunes it over the values that it takes for FactorVAE, of which 35 is one.
        warmup_steps: int, at least 0: the weight of the penalty rises in a straight line from 0 to gamma over so many
            steps; with 0 it is gamma from the start, as in the paper.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or an argument is out of its range.

    Examples:
        >>> model = tfvae.create("prior_factor_vae", (16, 16, 1), latent_dim=2, gamma=1.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "prior_divergence", "discriminator_loss", "discriminator_accuracy")

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Draws from the prior."""
        return replicas.standard_normal_like(z, seeds[0])

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        divergence = objectives.prior_divergence(terms["logits"])
        return {**terms, "loss": terms["loss"] + self.penalty_weight() * divergence, "prior_divergence": divergence}
