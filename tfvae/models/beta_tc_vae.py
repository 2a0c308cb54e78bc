"""beta-TCVAE."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives
from tfvae.objectives.distributions import standard_normal


@keras.saving.register_keras_serializable("tfvae")
class BetaTCVAE(VAE):
    """Weighs the three parts of the KL term (Chen et al., 2018, eq. 4).

    loss = E[-log p(x | z)] + alpha I(x; z) + beta TC(z) + gamma sum_j KL(q(z_j) || p(z_j))

    I(x; z) = E[log q(z | x) - log q(z)], TC(z) = E[log q(z) - sum_j log q(z_j)], and
    sum_j KL(q(z_j) || p(z_j)) = E[sum_j log q(z_j) - log p(z)] are estimated on the batch, with one z an image.
    Whatever the estimate of q(z), their sum is KL(q(z | x) || p(z)) on average. So that is taken in closed form, and
    the estimates enter with alpha - 1, beta - 1 and gamma - 1, which is less noisy. With weights of 1 it is exactly a
    VAE.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        dataset_size: int, at least 1: N, the images that q(z) is the mean over. dSprites has 737,280. With weighted
            sampling, N shifts what is logged by constants, the total correlation by (D - 1) log N, and changes no
            gradient; with stratified sampling it must be that of the data.
        alpha: float, at least 0.
        beta: float, at least 0. The authors' code has 6 on dSprites.
        gamma: float, at least 0.
        stratified: bool. Whether q(z) is estimated by minibatch-stratified sampling, which has no bias; else by
            minibatch-weighted sampling, as in the paper's experiments. A batch must then not be larger than N. The
            authors' code weighs images otherwise, see `objectives.vae.stratified_log_weights`.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> model = tfvae.create("beta_tc_vae", (16, 16, 1), latent_dim=2, beta=3.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*VAE.logged, "mutual_information", "total_correlation", "dimension_wise_kl")
    alpha = Weight()
    beta = Weight()
    gamma = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        dataset_size: int = 737_280,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        stratified: bool = False,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if dataset_size < 1 or min(alpha, beta, gamma) < 0:
            raise ValueError(
                "Expected dataset_size of at least 1, and weights of at least 0. "
                f"Received: dataset_size={dataset_size}, alpha={alpha}, beta={beta}, gamma={gamma}"
            )
        self.dataset_size = dataset_size
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.stratified = stratified

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        log_q, log_q_marginals = self.aggregate_log_densities(posterior, z)
        information = posterior.log_prob(z) - log_q
        tc = log_q - log_q_marginals
        dimension_wise = log_q_marginals - standard_normal(self.latent_dim).log_prob(z)
        loss = terms["loss"] + (self.alpha - 1) * information + (self.beta - 1) * tc + (self.gamma - 1) * dimension_wise
        parts = {"mutual_information": information, "total_correlation": tc, "dimension_wise_kl": dimension_wise}
        return {**terms, **parts, "loss": loss}

    def aggregate_log_densities(
        self, posterior: tfp.distributions.Distribution, z: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """log q(z) and sum_j log q(z_j), estimated on the global batch, for this replica's codes: [B] each."""
        mean, variance = replicas.gather(posterior.mean()), replicas.gather(posterior.variance())
        log_density = objectives.pairwise_log_density(z, mean, tf.math.log(variance))
        batch = tf.shape(mean)[0]
        if self.stratified:
            fits = tf.debugging.Assert(
                batch <= self.dataset_size, [f"Expected batches of at most dataset_size={self.dataset_size}.", batch]
            )
            with tf.control_dependencies([fits] if fits is not None else []):
                log_weights = objectives.stratified_log_weights(tf.identity(batch), float(self.dataset_size))
        else:
            log_weights = objectives.weighted_log_weights(batch, float(self.dataset_size))
        return objectives.aggregate_log_densities(log_density, replicas.own_rows(log_weights, like=z))

    def get_config(self) -> dict[str, Any]:
        weights = {"alpha": self.alpha, "beta": self.beta, "gamma": self.gamma}
        return {**super().get_config(), **weights, "dataset_size": self.dataset_size, "stratified": self.stratified}
