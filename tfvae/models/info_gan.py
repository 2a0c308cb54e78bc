"""InfoGAN."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tfvae import replicas
from tfvae.experiment import Experiment
from tfvae.models.base import Model, Terms
from tfvae.models.ends import check_logits, check_pixels
from tfvae.models.passes import forward_pass
from tfvae.models.weights import Weight
from tfvae.networks import gan as gan_networks
from tfvae.networks.gan import ARCHITECTURES
from tfvae.objectives.gan import gan_discriminator_loss, gan_generator_loss, mutual_information_bound


@keras.saving.register_keras_serializable("tfvae")
class InfoGAN(Model):
    """A generator whose codes can be read off its images (Chen et al., 2016; Kim & Mnih, 2018, Appendix G).

    min_{G,Q} max_D  E[log D(x)] + E[log(1 - D(G(c, z)))] - lambda E[log Q(c | G(c, z)) + H(c)]

    The code c is D continuous ones ~ U(-1, 1) and one category out of C; the noise is z ~ U(-1, 1). D and Q share a
    trunk. A step first moves D and the trunk, then, on new codes, G and Q's head: each half moves nothing else. G
    minimises -log D(G), which does not saturate. Q's Gaussians have a fixed width, as in the authors' code for MNIST.

    Data and generated images are one batch of batch norm. By itself each would have mean 0 and variance 1 in every
    feature, whatever sets them apart, and on 2D Shapes G learned no shape from a discriminator that sees no more.

    The representation of images is "mean" [B, D], Q's means, and, if C > 0, "probabilities" [B, C].

    Args:
        encoder: a built Sequential of two networks, the trunk, images [B, H, W, C] -> features [B, F], and Q's head,
            features -> [B, D + C]: means, then logits.
        generator: a built model, [B, D + C + noise_dim] -> images [B, H, W, C] in [0, 1].
        discriminator: a built model, features [B, F] -> logits [B, 1].
        categories: int, C, at least 2, or 0 for continuous codes alone. The default is MNIST's, in Table 4.
        noise_dim: int, the dimension of z, at least 0. The default is MNIST's, in Table 4.
        mutual_information_weight: lambda, at least 0. The paper tries 0 to 2.
        code_stddev: the width of Q's Gaussians, above 0.
        seed: int. With the step, it decides the codes and the noise of that step.
        kwargs: Keras's own: name, dtype, trainable.

    Raises:
        ValueError: when the networks do not fit each other, or a number is out of its range.

    Examples:
        >>> model = tfvae.create("info_gan", (64, 64, 1), latent_dim=2, categories=3)
        >>> codes = model.predict(np.zeros([5, 64, 64, 1]), verbose=0)
        >>> {name: each.shape for name, each in codes.items()}
        {'mean': (5, 2), 'probabilities': (5, 3)}
    """

    networks = ("encoder", "generator", "discriminator")
    optimizers = {
        "optimizer": {"learning_rate": 1e-3, "beta_1": 0.5, "beta_2": 0.999},
        "discriminator_optimizer": {"learning_rate": 1e-4, "beta_1": 0.5, "beta_2": 0.999},
    }
    trained_networks = {"optimizer": ("generator", "head"), "discriminator_optimizer": ("trunk", "discriminator")}
    logged: tuple[str, ...] = (
        "generator_loss", "discriminator_loss", "mutual_information", "accuracy_on_real", "accuracy_on_fake"
    )  # fmt: skip
    architectures = ARCHITECTURES
    default_architecture = "table_5"  # 2D Shapes
    decoding_network = "generator"
    images_only = True
    traversal_range = 1.0
    code_stddev: float
    mutual_information_weight = Weight()

    def __init__(
        self,
        encoder: keras.Model,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        categories: int = 10,
        noise_dim: int = 62,
        mutual_information_weight: float = 1.0,
        code_stddev: float = 1.0,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            {"encoder": encoder, "generator": generator, "discriminator": discriminator}, seed=seed, **kwargs
        )
        if categories < 0 or categories == 1 or noise_dim < 0 or mutual_information_weight < 0 or code_stddev <= 0:
            raise ValueError(
                "Expected categories of 0 or at least 2, noise_dim and mutual_information_weight of at least 0, and "
                f"code_stddev above 0. Received: categories={categories}, noise_dim={noise_dim}, "
                f"mutual_information_weight={mutual_information_weight}, code_stddev={code_stddev}"
            )
        self.categories = categories
        self.noise_dim = noise_dim
        self.mutual_information_weight = mutual_information_weight
        self.code_stddev = code_stddev
        parts = [part for part in encoder.layers if isinstance(part, keras.Model)]
        if (
            len(parts) != 2
            or self.latent_dim < 1
            or generator.input_shape[-1] != encoder.output_shape[-1] + noise_dim
            or generator.output_shape != encoder.input_shape
            or discriminator.input_shape != self.trunk.output_shape
            or discriminator.output_shape[-1] != 1
        ):
            raise ValueError(
                "Expected an encoder of two networks, trunk [B, H, W, C] -> [B, F] and head [B, F] -> [B, D + C], "
                f"a generator [B, D + C + {noise_dim}] -> [B, H, W, C], a discriminator [B, F] -> [B, 1], and D >= 1. "
                f"Received: an encoder of {len(parts)}, {encoder.input_shape} -> {encoder.output_shape}, C={categories}"
                f", generator {generator.input_shape} -> {generator.output_shape}, "
                f"discriminator {discriminator.input_shape} -> {discriminator.output_shape}"
            )
        check_pixels("generator", generator)
        check_logits("discriminator", discriminator)

    @classmethod
    def network_makers(
        cls, experiment: Experiment, image_shape: tuple[int, ...]
    ) -> dict[str, Callable[..., keras.Model]]:
        sizes = cls.architectures[experiment.architecture]
        code_dim = experiment.latent_dim + experiment.parameters["categories"]
        noise_dim, dtype = experiment.parameters["noise_dim"], experiment.precision
        return {
            "encoder": partial(cls.make_encoder, image_shape, code_dim, sizes, dtype=dtype),
            "generator": partial(gan_networks.generator, image_shape, code_dim + noise_dim, sizes, dtype=dtype),
            "discriminator": partial(gan_networks.discriminator, sizes.units, dtype=dtype),
        }

    make_encoder: Callable[..., keras.Model] = staticmethod(gan_networks.encoder)

    @property
    def latent_dim(self) -> int:
        """D, the continuous codes."""
        return self.encoder.output_shape[-1] - self.categories

    @property
    def trunk(self) -> keras.Model:
        """The network that D and Q share: images [B, H, W, C] -> features [B, F]."""
        return self.encoder.layers[0]

    @property
    def head(self) -> keras.Model:
        """The network that Q alone has: features [B, F] -> [B, D + C]."""
        return self.encoder.layers[1]

    def representation(self, parameters: tf.Tensor) -> dict[str, tf.Tensor]:
        """The encoder's output [B, D + C] by name: {"mean": [B, D]} and, if C > 0, "probabilities" [B, C]."""
        parameters = tf.cast(parameters, tf.float32)
        mean, logits = parameters[:, : self.latent_dim], parameters[:, self.latent_dim :]
        return {"mean": mean} | ({"probabilities": tf.nn.softmax(logits)} if self.categories else {})

    def decode(self, codes: tf.Tensor, noise: tf.Tensor | None = None) -> tf.Tensor:
        """Generates images: codes [B, D + C], and noise [B, noise_dim] -> [B, H, W, C], in [0, 1].

        Without noise given, all images have the same: one draw from its prior that the model's seed decides.
        """
        codes = tf.convert_to_tensor(codes, tf.float32)
        if noise is None:
            with tf.init_scope():  # a constant of the graph: formats that this is exported to cannot draw
                drawn = tf.random.stateless_uniform([1, self.noise_dim], [self.seed, 0], -1, 1).numpy()
            noise = tf.tile(drawn, [tf.shape(codes)[0], 1])
        return self.run(self.generator, tf.concat([codes, tf.convert_to_tensor(noise, tf.float32)], axis=-1))

    def sample(self, like: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Codes and noise from their prior, as many as `like` has rows, one draw over the global batch.

        Returns:
            float tensor [B, D + C + noise_dim].
        """
        uniform = replicas.uniform(like, self.latent_dim + self.noise_dim + 1, seed)
        continuous, noise = tf.split(2 * uniform[:, :-1] - 1, [self.latent_dim, self.noise_dim], axis=-1)
        category = tf.one_hot(tf.cast(self.categories * uniform[:, -1], tf.int32), self.categories)
        return tf.concat([continuous, category, noise], axis=-1)

    def prior_draws(self, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Codes [count, D + C] and noise [count, noise_dim] from their prior, as `decode` takes them."""
        drawn = self.sample(tf.zeros([count, 1]), tf.constant([seed, 0])).numpy()
        codes, noise = np.split(drawn, [drawn.shape[1] - self.noise_dim], axis=1)
        return codes, noise

    def compile(self, optimizer: Any = None, discriminator_optimizer: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.compile`, without losses and metrics.

        Args:
            optimizer: of G and Q's head; by default the paper's Adam (1e-3, 0.5, 0.999).
            discriminator_optimizer: of D and the trunk; by default the paper's Adam (1e-4, 0.5, 0.999).
        """
        super().compile(optimizer=optimizer, discriminator_optimizer=discriminator_optimizer, **kwargs)

    def train_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        drawn, drawn_again = (self.sample(images, self.step_seed(stream)) for stream in (0, 1))

        with forward_pass(training=True):  # of its own: the generator learns nothing from these images
            fake = self.run(self.generator, drawn)
        with tf.GradientTape() as tape:
            terms = self.discriminator_terms(images, fake)
            loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss, "discriminator_optimizer")

        with tf.GradientTape() as tape:
            _, features = self.features(images, self.run(self.generator, drawn_again))
            terms |= self.generator_terms(drawn_again, features)
            loss = self.scaled_mean(terms["loss"])
        self.minimise(tape, loss)
        return self.log(terms)

    def test_step(self, data: Any) -> dict[str, Any]:
        images = self.images_of(data)
        drawn = self.sample(images, self.test_seed(stream=0))
        fake = self.run(self.generator, drawn)
        terms = self.discriminator_terms(images, fake)
        _, features = self.features(images, fake)
        return self.log(terms | self.generator_terms(drawn, features))

    def features(self, images: tf.Tensor, fake: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """The trunk's features of data and of as many generated images, [B, F] each, as one batch of batch norm."""
        real, generated = tf.split(self.run(self.trunk, tf.concat([images, fake], axis=0)), 2)
        return real, generated

    def discriminator_terms(self, images: tf.Tensor, fake: tf.Tensor) -> Terms:
        """D's loss and how often it is right, each [B]."""
        features = self.features(images, fake)
        real, generated = (self.run(self.discriminator, each) for each in features)
        return {
            "discriminator_loss": gan_discriminator_loss(real, generated),
            "accuracy_on_real": tf.cast(real[:, 0] > 0, tf.float32),
            "accuracy_on_fake": tf.cast(generated[:, 0] < 0, tf.float32),
        }

    def generator_terms(self, drawn: tf.Tensor, features: tf.Tensor) -> Terms:
        """What G and Q minimise, "loss", and its parts, each [B].

        Args:
            drawn: codes and noise [B, D + C + noise_dim].
            features: the trunk's, of the images generated from them, [B, F].
        """
        parameters = self.run(self.head, features)
        codes = drawn[:, : self.latent_dim + self.categories]
        bound = mutual_information_bound(codes, parameters, categories=self.categories, stddev=self.code_stddev)
        loss = self.generator_loss(self.run(self.discriminator, features))
        return {
            "loss": loss - self.mutual_information_weight * bound,
            "generator_loss": loss,
            "mutual_information": bound,
        }

    def generator_loss(self, judgements: tf.Tensor) -> tf.Tensor:
        """G's loss without the mutual information, [B], from D's logits on its images [B, 1]."""
        return gan_generator_loss(judgements)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "categories": self.categories,
            "noise_dim": self.noise_dim,
            "mutual_information_weight": self.mutual_information_weight,
            "code_stddev": self.code_stddev,
        }
