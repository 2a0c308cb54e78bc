"""Adversarial non-linear independent component analysis (Anica)."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.adversarial import DISCRIMINATOR_SIZES, OPTIMIZERS, discriminator_maker
from tfvae.models.autoencoder import Autoencoder
from tfvae.models.base import Terms
from tfvae.models.ends import check_logits
from tfvae.models.vae import autoencoder_makers
from tfvae.models.weights import Weight
from tfvae.objectives import vae as objectives


@keras.saving.register_keras_serializable("tfvae")
class Anica(Autoencoder):
    """An autoencoder whose features an adversary makes independent (Brakel & Bengio, 2017).

    loss = -log p(x | z) + gamma JS(q(u) || prod_j q(u_j)), with z = f(x) and u = (z - mean) / deviation over the batch

    The code is a deterministic function of the image. The adversary sees standardised features u and, as samples of the
    product of their marginals, the same u permuted; the encoder's gradient passes through both. With D the
    discriminator, JS is estimated by log 2 + (E log D(u) + E log(1 - D(u'))) / 2, a GAN's loss shifted to be 0 for
    independent features, so that D and the autoencoder play one zero-sum game.

    What differs from the authors' code: their reconstruction error is the mean of |x - g(z)|, and this is a
    likelihood's, as in the other models here; their discriminator takes 4 steps for each of the encoder, by RMSProp;
    they resample each feature with replacement.

    The default gamma is not the published weight. The authors add 0.1 of a loss of 2 JS to an error per dimension of x,
    which is gamma = 0.2 H W C here: about 800 for 64 x 64 grey pixels. On dSprites the codes then carried nothing of
    the image for the first 3,000 steps; with 10 the sprites appeared (studies/every_model).

    Args:
        encoder: a built model, images [B, H, W, C] -> codes [B, D].
        decoder: a built model, codes [B, D] -> logits [B, H, W, C].
        discriminator: a built model, features [B, D] -> logits [B, 2]: "from q(u)", "from the product of its
            marginals".
        gamma: float, at least 0. By default 10, a weight that learns, see above.
        likelihood: p(x | z), as in `VAE`: "bernoulli", "continuous_bernoulli" or "gaussian".
        scale: float > 0, the standard deviation of a Gaussian pixel; None to train it, as one number.
        seed: int. With the step, it decides the permutations of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, gamma is negative, the likelihood is unknown, or the scale
            is out of its range.

    Examples:
        >>> model = tfvae.create("anica", (16, 16, 1), latent_dim=2, gamma=1.0)
        >>> model.predict(np.zeros([3, 16, 16, 1]), verbose=0)["mean"].shape
        (3, 2)
    """

    networks = ("encoder", "decoder", "discriminator")
    optimizers = OPTIMIZERS
    trained_networks = {"optimizer": ("encoder", "decoder"), "discriminator_optimizer": ("discriminator",)}
    logged = ("loss", "reconstruction", "jensen_shannon", "discriminator_loss", "discriminator_accuracy")
    discriminator_sizes = DISCRIMINATOR_SIZES
    gamma = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        decoder: keras.Model,
        discriminator: keras.Model,
        *,
        gamma: float = 10.0,
        likelihood: str = "bernoulli",
        scale: float | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        networks = {"encoder": encoder, "decoder": decoder, "discriminator": discriminator}
        super().__init__(networks, likelihood=likelihood, scale=scale, seed=seed, **kwargs)
        shapes = [(network.input_shape, network.output_shape) for network in (encoder, decoder, discriminator)]
        dim = self.latent_dim
        if shapes != [(encoder.input_shape, (None, dim)), ((None, dim), encoder.input_shape), ((None, dim), (None, 2))]:
            raise ValueError(
                "Expected an encoder [B, H, W, C] -> [B, D], a decoder [B, D] -> [B, H, W, C], or [B, F] for vectors, "
                f"and a discriminator [B, D] -> [B, 2]. Received: {shapes}"
            )
        if gamma < 0:
            raise ValueError(f"Expected gamma of at least 0. Received: gamma={gamma}")
        self.gamma = gamma
        check_logits("discriminator", discriminator)

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        dim = experiment.latent_dim
        makers = autoencoder_makers(experiment, image_shape, dim, cls.architectures, outputs=dim)
        return {**makers, "discriminator": discriminator_maker(experiment, dim)}

    def compile(self, optimizer: Any = None, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics; by default with the two Adam of FactorVAE."""
        super().compile(optimizer=optimizer, discriminator_optimizer=discriminator_optimizer, **kwargs)

    def loss_terms(self, images: tf.Tensor, seed: tf.Tensor) -> Terms:
        """The losses of the autoencoder and of the discriminator and their parts, each [B], in nats."""
        z = self.representation(self.run(self.encoder, images))["mean"]
        features = objectives.standardise(replicas.gather(z))
        permuted = objectives.permute_dims(features, seed)
        logits = self.run(self.discriminator, replicas.own_rows(features, like=z))
        logits_permuted = self.run(self.discriminator, replicas.own_rows(permuted, like=z))
        reconstruction = -self.log_likelihood(images, z)
        divergence = objectives.jensen_shannon(logits, logits_permuted)
        return {
            "loss": reconstruction + self.gamma * divergence,
            "reconstruction": reconstruction,
            "jensen_shannon": divergence,
            "discriminator_loss": objectives.discriminator_loss(logits, logits_permuted),
            "discriminator_accuracy": objectives.discriminator_accuracy(logits, logits_permuted),
        }

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        # Persistent, as both players' gradients are of one forward pass, each with respect to its own variables alone.
        with tf.GradientTape(persistent=True) as tape:
            terms = self.loss_terms(images, self.step_seed(stream=0))
            loss = self.scaled_mean(terms["loss"])
            discriminator_loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss)
        self.minimise(tape, discriminator_loss, "discriminator_optimizer")
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        return self.log(self.loss_terms(self.images_of(data), self.test_seed(stream=0)))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "gamma": self.gamma}
