"""Scores of a representation: any function from images to codes."""

import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tfvae.metrics import METRICS, Codes
from tfvae.metrics.codes import scaled_images
from tfvae.metrics.sampling import subset

# Parameters of the metrics that encode at most 46,000 images (all of dSprites are 737,280): for a look during
# training. The beta-VAE metric comes out lower than at its defaults, since it averages over fewer pairs.
QUICK: dict[str, dict[str, Any]] = {
    "beta_vae": {"pairs": 20, "train": 500, "evaluation": 100, "repeats": 1},
    "factor_vae": {"votes": 200, "evaluation_votes": 200, "batch": 50, "scale_samples": 2_000, "repeats": 1},
}


def evaluate(
    represent: Callable[[np.ndarray], Any] | Codes,
    data: Any,
    *,
    metrics: Iterable[str] = tuple(METRICS),
    decode: Callable[[np.ndarray], Any] | None = None,
    seed: int = 0,
    images: int = 10_000,
    batch_size: int = 512,
    progress: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Scores a representation of data with known factors.

    Each part has its own random numbers, from the seed and its name: a score does not depend on which others are
    asked for.

    Args:
        represent: function from images, float32 [B, H, W, C] in [0, 1], to `{"mean": [B, D], "log_variance": [B, D]}`
            or to codes [B, D], see `Codes`: a Keras model and a SavedModel are scored by the same code. `Codes` of
            `data` are taken as they are, with what they have encoded already.
        data: images with known factors (`tfvae.data.GroundTruthData`).
        metrics: names out of `METRICS`.
        decode: function from codes, float32 [B, D], to the logits of a Bernoulli likelihood, [B, H, W, C].
        seed: int >= 0.
        images: int, random images over which the KL and the reconstruction error are averaged; all when fewer.
        batch_size: int, images that are encoded or decoded at a time.
        progress: bool, whether to show a progress bar while encoding.
        parameters: for each metric what differs from its defaults, such as `{"factor_vae": {"votes": 100}}` or `QUICK`;
            what is said of a metric that is not asked for is ignored.

    Returns:
        A dict that `json.dump` takes:
        - for each metric what it returns, "score" among others;
        - "kl": "latents", KL(q(z_j|x) || p(z_j)) in nats averaged over the images, D numbers, and "total", their sum;
          only for codes with log variances;
        - "reconstruction": "nats", -E log p(x|z) with one z ~ q(z|x) an image (z the code where there is no
          posterior), summed over pixels and averaged over the images, and "standard_error"; only with `decode`;
        - what was scored and how: "data" (its name), "digest", "seed", "images", "encoded" (how many were encoded
          in all) and "parameters".

    Raises:
        ValueError: unknown names, or `represent` and `decode` give other shapes than expected, NaN or infinity.
    """
    metrics, parameters = tuple(metrics), dict(parameters or {})
    for name in (*metrics, *parameters):
        if name not in METRICS:
            raise ValueError(f"Expected metrics out of {sorted(METRICS)}. Received: {name!r}")
    if images < 2:
        raise ValueError(f"Expected at least two images. Received: images={images}")
    if isinstance(represent, Codes):
        codes = represent
        if codes.data is not data:
            raise ValueError(f"Expected codes of {data.name}, which is scored. Received: codes of {codes.data.name}")
    else:
        codes = Codes(represent, data, batch_size=batch_size, progress=progress)
    used = {name: dict(parameters[name]) for name in metrics if name in parameters}
    result: dict[str, Any] = {
        name: METRICS[name](codes, _generator(seed, name), **used.get(name, {})) for name in metrics
    }

    sample = subset(len(data), images, _generator(seed, "images"))
    kl = codes.kl_per_latent(sample)
    if kl is not None:
        result["kl"] = {"total": float(kl.sum()), "latents": kl.tolist()}
    if decode is not None:
        errors = _reconstruction_errors(codes, decode, sample, batch_size, _generator(seed, "reconstruction"))
        result["reconstruction"] = {
            "nats": float(errors.mean()),
            "standard_error": float(errors.std(ddof=1) / np.sqrt(errors.size)),
        }
    return {
        **result,
        "data": data.name,
        "digest": data.digest,
        "seed": seed,
        "images": len(sample),
        "encoded": codes.encoded,
        "parameters": used,
    }


def _generator(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def _reconstruction_errors(
    codes: Codes,
    decode: Callable[[np.ndarray], Any],
    indices: np.ndarray,
    batch_size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """-log p(x|z) of a Bernoulli likelihood, z ~ q(z|x), for the images at `indices`, int [N]: float64 [N], in nats."""
    z = codes.mean(indices)
    log_variance = codes.log_variance(indices)
    if log_variance is not None:
        z = z + np.exp(0.5 * log_variance) * rng.standard_normal(z.shape, np.float32)
    errors = np.empty(len(indices))
    for start in range(0, len(indices), batch_size):
        rows = slice(start, start + batch_size)
        x = scaled_images(codes.data, indices[rows])
        logits = np.asarray(decode(z[rows]), np.float64)
        if logits.shape != x.shape:
            raise ValueError(f"Expected logits of the images' shape {x.shape}. Received: shape={logits.shape}")
        # -log p = softplus(l) - x l, and softplus(l) = max(l, 0) + log1p(exp(-|l|)) does not overflow.
        pixels = np.maximum(logits, 0) + np.log1p(np.exp(-np.abs(logits))) - x * logits
        errors[rows] = pixels.reshape(len(x), -1).sum(axis=1)
    if not np.isfinite(errors).all():
        bad = int((~np.isfinite(errors)).sum())
        raise ValueError(f"Expected finite logits. Received: NaN or infinity for {bad} of {errors.size} images")
    return errors
