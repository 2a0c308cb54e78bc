"""Hausdorff factorised support (HFS), as a term of beta-VAE and beta-TCVAE."""

from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae import replicas
from tfvae.models.base import Terms
from tfvae.models.beta_tc_vae import BetaTCVAE
from tfvae.models.beta_vae import BetaVAE
from tfvae.models.weights import Weight
from tfvae.objectives.support import factorised_support_distance


@keras.saving.register_keras_serializable("tfvae")
class HFSBetaVAE(BetaVAE):
    """Draws the support of the codes to a product of one set for each latent (Roth et al., 2023): beta-VAE with HFS.

    loss = E[-log p(x | z)] + beta KL(q(z | x) || p(z))
    + support_weight sum_{i < j} max_{a, b} min_c [(m_ai - m_ci)^2 + (m_bj - m_cj)^2], with the means m of the batch

    All combinations of latents' values should be possible, whatever their probabilities. Unlike a penalty on
    dependence, that fits factors which are correlated, as in `studies/correlated_factors.json`. With a weight of 0 it
    is exactly a beta-VAE.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        support_weight: float, at least 0, by default 1 as in the authors' code. They compare 0.1 to 10,000.
        beta: float, at least 0. The authors compare 0 to 16.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when a weight is negative.

    Examples:
        >>> model = tfvae.create("hfs_beta_vae", (16, 16, 1), latent_dim=2, support_weight=10.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*BetaVAE.logged, "support_distance")
    support_weight = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        support_weight: float = 1.0,
        beta: float = 1.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, beta=beta, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        self.support_weight = support_weight

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        return _with_support(super().loss_terms(images, posterior, z), posterior, self.support_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "support_weight": self.support_weight}


@keras.saving.register_keras_serializable("tfvae")
class HFSBetaTCVAE(BetaTCVAE):
    """beta-TCVAE with the penalty of `HFSBetaVAE` (Roth et al., 2023).

    loss = that of `BetaTCVAE`
    + support_weight sum_{i < j} max_{a, b} min_c [(m_ai - m_ci)^2 + (m_bj - m_cj)^2], with the means m of the batch

    With a weight of 0 it is exactly a beta-TCVAE.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: means and log variances.
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        support_weight: float, at least 0, by default 1 as in the authors' code. They compare 0.1 to 10,000.
        dataset_size: int, at least 1: N, as of `BetaTCVAE`.
        alpha: float, at least 0.
        beta: float, at least 0. The authors compare 1 to 16.
        gamma: float, at least 0.
        stratified: bool, as of `BetaTCVAE`. The authors' code has it on.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> model = tfvae.create("hfs_beta_tc_vae", (16, 16, 1), latent_dim=2, support_weight=10.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    logged = (*BetaTCVAE.logged, "support_distance")
    support_weight = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        support_weight: float = 1.0,
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
        super().__init__(
            encoder,
            decoder,
            dataset_size=dataset_size,
            alpha=alpha,
            beta=beta,
            gamma=gamma,
            stratified=stratified,
            likelihood=likelihood,
            scale=scale,
            seed=seed,
            **kwargs,
        )
        self.support_weight = support_weight

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        return _with_support(super().loss_terms(images, posterior, z), posterior, self.support_weight)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "support_weight": self.support_weight}


def _with_support(terms: Terms, posterior: tfp.distributions.Distribution, weight: float) -> Terms:
    """The terms [B] with the distance of the means of the global batch, in which each image has a share."""
    distance = factorised_support_distance(replicas.gather(posterior.mean()))
    shares = tf.fill(tf.shape(terms["loss"]), distance)
    return {**terms, "loss": terms["loss"] + weight * shares, "support_distance": shares}
