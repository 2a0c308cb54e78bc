"""FactorVAE."""

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.adversarial import AdversarialVAE, permuted, two_batches
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class FactorVAE(AdversarialVAE):
    """Penalises the total correlation of the code, by an adversary (Kim & Mnih, 2018, eq. 2).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma TC(z)

    Trained by Algorithm 2, with the KL in closed form: the printed step has log p(x, z) - log q(z | x) of the sample z,
    which has the same mean and more noise. A step takes two batches: of what `fit` is given, the images at even places
    are the algorithm's B and those at odd places its B'. So a batch of 2 m images is the paper's batch size m. An odd
    last batch loses one image; a single image makes no step. Several replicas each split the images that they have, and
    if none has two, make no step.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        discriminator: a built model, codes [B, D] -> logits [B, 2]: "from q(z)", "from the product of its marginals".
        gamma: float, at least 0. The paper's best on 2D Shapes are 35 to 40.
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
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "total_correlation", "discriminator_loss", "discriminator_accuracy")
    batch_multiple = 2
    default_batch_size = 128

    def batches(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        return two_batches(images)

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Codes of B', permuted: samples of the product of the marginals (Algorithm 1)."""
        z_others = z if others is None else self.codes_of_others(others, seeds[0])
        return permuted(z_others, seeds[1])

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        tc = objectives.total_correlation(terms["logits"])
        return {**terms, "loss": terms["loss"] + self.penalty_weight() * tc, "total_correlation": tc}
