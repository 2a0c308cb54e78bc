"""Information Dropout."""

import math
from typing import Any

import keras
import tensorflow as tf
import tensorflow_probability as tfp

from tfvae.models.base import Terms
from tfvae.models.vae import VAE
from tfvae.models.weights import Weight
from tfvae.objectives.distributions import gaussian_posterior


@keras.saving.register_keras_serializable("tfvae")
class InformationDropout(VAE):
    """Multiplies activations by noise whose size the encoder chooses (Achille & Soatto, 2018, Section 5).

    loss = E[-log p(x | z)] + beta KL(q(z | x) || p(z)),
    with z = f(x) exp(alpha(x) eps), eps ~ N(0, I), f = softplus(a) and alpha = max_alpha sigmoid(b), where the encoder
    gives a and b, and the log-normal prior log z ~ N(0, I). In closed form,
    KL = sum_j 1/2 (alpha_j^2 + (log f_j)^2 - 1) - log alpha_j

    The code of this class is log z, not z: it is Gaussian, of mean log f(x) and standard deviation alpha(x), with prior
    N(0, I), and the KL of the two is that of z. So the representation is {"mean": log f(x), "log_variance":
    2 log alpha(x)}, all that reads codes works as with a VAE, and the decoder's input is exp of the code.

    The noise of the paper is bounded: with max_alpha < 1 no latent can collapse to the prior, and each has a KL of at
    least (max_alpha^2 - 1) / 2 - log max_alpha, 0.10 nats at 0.7. The paper's other variant, ReLU with a log-uniform
    prior, is not here: that prior is improper, and q(z | x) has a point mass at 0.

    Args:
        encoder: a built model, images [B, H, W, C] -> [B, 2 D]: a and b.
        decoder: a built model, positive z [B, D] -> logits [B, H, W, C].
        beta: float, at least 0.
        max_alpha: float in (0, 1]: the most noise, as standard deviation of log z.
        likelihood: p(x | z) of a pixel: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when an argument is out of its range.

    Examples:
        >>> model = tfvae.create("information_dropout", (16, 16, 1), latent_dim=2, beta=0.5)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    beta = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        *,
        beta: float = 1.0,
        max_alpha: float = 0.7,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(encoder, decoder, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        if beta < 0 or not 0 < max_alpha <= 1:
            raise ValueError(
                f"Expected beta of at least 0, and max_alpha in (0, 1]. Received: beta={beta}, max_alpha={max_alpha}"
            )
        self.beta = beta
        self.max_alpha = max_alpha

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output [B, 2 D] as the parameters of log z: {"mean": [B, D], "log_variance": [B, D]}."""
        a, b = tf.split(tf.cast(parameters, tf.float32), 2, axis=-1)
        # log softplus(a) = a + O(exp(a)) for a -> -inf, where softplus(a) is 0 in float32.
        low = a < -15.0
        log_f = tf.where(low, a, tf.math.log(tf.nn.softplus(tf.where(low, 0.0, a))))
        return {"mean": log_f, "log_variance": 2.0 * (math.log(self.max_alpha) + tf.math.log_sigmoid(b))}

    def posterior(self, images: tf.Tensor) -> tfp.distributions.Distribution:
        """q(log z | x): batch shape [B], event shape [D]."""
        code = self.representation(self.run(self.encoder, images))
        return gaussian_posterior(tf.concat([code["mean"], code["log_variance"]], axis=-1))

    def likelihood(self, z: tf.Tensor) -> tfp.distributions.Distribution:
        """p(x | z) of a code log z: batch shape [B], event shape [H, W, C]."""
        return super().likelihood(tf.exp(z))

    def loss_terms(self, images: tf.Tensor, posterior: tfp.distributions.Distribution, z: tf.Tensor) -> Terms:
        terms = super().loss_terms(images, posterior, z)
        return {**terms, "loss": terms["reconstruction"] + self.beta * terms["kl"]}

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "beta": self.beta, "max_alpha": self.max_alpha}
