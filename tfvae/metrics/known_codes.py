"""Codes whose quality is known, to see how a metric scores them."""

import numpy as np

from tfvae.codes.codes import Codes
from tfvae.data.factors import Factors
from tfvae.metrics.scoring import Labelled


def known_codes(factors: Factors, rng: np.random.Generator) -> dict[str, Codes]:
    """Codes of images with known factors, by name, all with a posterior.

    With f the factors that vary, each scaled to [-1, 1], and a posterior variance of exp(-4):

    - "identity": f;
    - "permuted and rescaled": f in another order, with scales from 0.1 to 10 and alternating signs;
    - "with dead latents": f and five latents that have collapsed to the prior, with means of about 1e-3 and variance 1;
    - "with noise": f and five latents of noise, U(-1, 1), independent of the image;
    - "duplicated": f twice;
    - "one factor missing": f without the last factor;
    - "rotated": f times a random orthogonal matrix;
    - "noise": one latent of noise for each factor;
    - "constant": the same value for all images.

    Args:
        factors: a grid or a table.
        rng: source of all randomness.
    """
    data = Labelled(factors)
    values = factors.values_of(np.arange(len(factors)))[:, np.array(factors.sizes) > 1]
    low, high = values.min(axis=0), values.max(axis=0)
    f = 2 * (values - low) / (high - low) - 1
    size, count = f.shape
    scales = np.geomspace(0.1, 10, count) * np.where(np.arange(count) % 2, -1, 1)
    rotation = np.linalg.qr(rng.normal(size=(count, count)))[0]
    means = {
        "identity": f,
        "permuted and rescaled": f[:, ::-1] * scales,
        "with dead latents": np.concatenate([f, 1e-3 * rng.standard_normal((size, 5))], axis=1),
        "with noise": np.concatenate([f, rng.uniform(-1, 1, (size, 5))], axis=1),
        "duplicated": np.concatenate([f, f], axis=1),
        "one factor missing": f[:, :-1],
        "rotated": f @ rotation,
        "noise": rng.uniform(-1, 1, f.shape),
        "constant": np.full(f.shape, 0.5),
    }
    log_variances = {name: np.full(mean.shape, -4.0) for name, mean in means.items()}
    log_variances["with dead latents"][:, count:] = 0
    return {name: Codes.from_arrays(data, mean, log_variances[name]) for name, mean in means.items()}
