"""BatchTCVAE: the total correlation estimated from the batch."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class BatchTCVAE(VAE):
    """FactorVAE's objective with the batch estimate of the total correlation (Kim & Mnih, 2018, eq. 2, Appendix D).

    loss = E[-log p(x | z)] + KL(q(z | x) || p(z)) + gamma [log qhat(z) - sum_j log qhat_j(z_j)],
    with qhat(z) = 1/B sum_k q(z | x_k) over the batch that z is from

    An objective to study: it did not work in the paper, because qhat is near zero away from the codes of its own
    batch, so that the estimate is close from the start to the value that the batch gives. It differs from beta-TCVAE's
    minibatch-weighted estimate only by the constant (D - 1) log N: `BetaTCVAE(beta=1 + gamma)` has the same gradient.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        gamma: float, at least 0, as in `FactorVAE`.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when gamma is negative.

    Examples:
        >>> model = tfvae.create("batch_tc_vae", (16, 16, 1), latent_dim=2, gamma=10.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "total_correlation")
    gamma = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        gamma: float = 35.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if gamma < 0:
            raise ValueError(f"Expected gamma of at least 0. Received: gamma={gamma}")
        self.gamma = gamma

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        mean, variance = replicas.gather(posterior.mean()), replicas.gather(posterior.variance())
        log_density = objectives.pairwise_log_density(z, mean, tf.math.log(variance))
        log_weights = objectives.weighted_log_weights(tf.shape(mean)[0], dataset=1.0)
        joint, marginals = objectives.aggregate_log_densities(log_density, replicas.own_rows(log_weights, like=z))
        tc = joint - marginals
        return {**terms, "loss": terms["loss"] + self.gamma * tc, "total_correlation": tc}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}
