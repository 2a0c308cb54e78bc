"""FactorVAE."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
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
        standardised: bool. Whether the discriminator sees the codes of a batch with mean 0 and variance 1 in each
            latent. The total correlation is the same. The penalty then cannot move the means of the latents, which it
            does as printed (studies/algorithm_2).
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

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 35.0,
        warmup_steps: int = 0,
        standardised: bool = False,
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
        if not isinstance(standardised, bool):
            raise ValueError(f"Expected standardised to be True or False. Received: standardised={standardised!r}")
        self.standardised = standardised

    def batches(self, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor | None]:
        return two_batches(images)

    def other_codes(self, others: tf.Tensor | None, z: tf.Tensor, seeds: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Codes of B', permuted: samples of the product of the marginals (Algorithm 1)."""
        z_others = z if others is None else self.codes_of_others(others, seeds[0])
        return permuted(z_others, seeds[1])

    def judge(self, codes: tf.Tensor, *, training: bool | None = None) -> tf.Tensor:
        if self.standardised:
            codes = replicas.own_rows(objectives.standardise(replicas.gather(codes)), like=codes)
        return super().judge(codes, training=training)

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        tc = objectives.total_correlation(terms["logits"])
        return {**terms, "loss": terms["loss"] + self.penalty_weight() * tc, "total_correlation": tc}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "standardised": self.standardised}
