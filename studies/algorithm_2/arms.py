"""Two other orders of FactorVAE's step, and how far the means of its code drift: for studies/algorithm_2.json.

As printed, Algorithm 2 encodes B' by the autoencoder that B has just updated.
"""

from typing import Any

import numpy as np
import tensorflow as tf

import tfvae
from tfvae.analysis.mixture import posteriors
from tfvae.codes import Codes, latent_information
from tfvae.models.base import Terms


@tfvae.register_model("factor_vae_both_before")
class BothBefore(tfvae.FactorVAE):
    """Both batches are encoded before the autoencoder's update."""

    def step(self, images: tf.Tensor) -> Terms:
        images, others = self.batches(images)
        with tf.GradientTape(persistent=True) as tape:
            posterior = self.posterior(images)
            z = self.sample(posterior, self.step_seed(stream=0))
            terms = self.loss_terms(images, posterior, z)
            loss = self.scaled_mean(terms["loss"])
            with tape.stop_recording():
                z_others = self.other_codes(others, z, (self.step_seed(stream=1), self.step_seed(stream=2)))
            terms |= self.discriminator_terms(terms["logits"], self.judge(z_others))
            discriminator_loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss)
        self.minimise(tape, discriminator_loss, "discriminator_optimizer")
        return terms


@tfvae.register_model("factor_vae_both_after")
class BothAfter(tfvae.FactorVAE):
    """Both batches are encoded after the autoencoder's update, B a second time."""

    def step(self, images: tf.Tensor) -> Terms:
        images, others = self.batches(images)
        with tf.GradientTape() as tape:
            posterior = self.posterior(images)
            z = self.sample(posterior, self.step_seed(stream=0))
            terms = self.loss_terms(images, posterior, z)
            loss = self.scaled_mean(terms["loss"])
        # Drawn before `minimise`, which advances the step that the seeds follow from.
        own, *seeds = (self.step_seed(stream=stream) for stream in range(3))
        self.minimise(tape, loss)
        z = self.sample(self.posterior(images), own)
        z_others = self.other_codes(others, z, (seeds[0], seeds[1]))
        with tf.GradientTape() as tape:
            logits = self.judge(z), self.judge(z_others)
            terms |= self.discriminator_terms(*logits)
            loss = self.scaled_mean(terms["discriminator_loss"], "discriminator_optimizer")
        self.minimise(tape, loss, "discriminator_optimizer")
        return terms


def _drawn(codes: Codes, rng: np.random.Generator, images: int) -> dict[str, np.ndarray]:
    size = len(codes.data)
    mean, log_variance = posteriors(codes, rng.choice(size, min(images, size), replace=False))
    return {"mean": mean, "log_variance": log_variance}


@tfvae.register_metric("displacement", needs_factors=False, lower_is_better=True)
def displacement(codes: Codes, rng: np.random.Generator, *, images: int = 10_000) -> dict[str, Any]:
    """sum_j m_j^2 / 2, in nats: what the means m_j of the latents add to the KL, and carry nothing."""
    means = _drawn(codes, rng, images)["mean"].astype(np.float64)
    return {"score": 0.5 * np.square(means.mean(axis=0)).sum(), "standard_error": 0.0}


@tfvae.register_metric("information", needs_factors=False)
def information(codes: Codes, rng: np.random.Generator, *, images: int = 10_000) -> dict[str, Any]:
    """sum_j I_j, in nats: what the latents carry, each alone (`tfvae.codes.latent_information`)."""
    found = latent_information(_drawn(codes, rng, images))
    assert found is not None  # `posteriors` refuses codes without log variances
    return {"score": found.sum(), "standard_error": 0.0}
