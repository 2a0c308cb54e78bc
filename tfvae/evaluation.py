"""Scores of a representation: any function from images to codes."""

import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tfvae.codes import Codes, capabilities_of
from tfvae.codes.cache import codes_key, model_digest
from tfvae.codes.codes import scaled_images
from tfvae.data.factor_table import FactorTable
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.metrics import METRICS, QUICK, ceiling, score_codes
from tfvae.metrics.sampling import subset
from tfvae.metrics.scoring import generator

__all__ = ["QUICK", "evaluate"]


def evaluate(
    represent: Callable[[np.ndarray], Any] | Codes,
    data: Any,
    *,
    metrics: str | Iterable[str] = "all",
    decode: Callable[[np.ndarray], Any] | None = None,
    log_likelihood: Callable[[np.ndarray, np.ndarray], Any] | None = None,
    seed: int = 0,
    images: int = 10_000,
    limit: int | None = None,
    ceilings: bool = False,
    batch_size: int = 512,
    progress: bool = False,
    parameters: Mapping[str, Mapping[str, Any]] | None = None,
    cache: str | os.PathLike[str] | None = None,
    model: Any = None,
) -> dict[str, Any]:
    """Scores a representation.

    Each part has its own random numbers, from the seed and its name: a score does not depend on which others are
    asked for. Each image is encoded at most once.

    Args:
        represent: function from images, float32 [B, H, W, C] in [0, 1], to `{"mean": [B, D], "log_variance": [B, D]}`
            or to codes [B, D], see `Codes`: a Keras model and a SavedModel are scored by the same code. `Codes` of
            `data` are taken as they are, with what they have encoded already.
        data: images with known factors, a grid or a table (`tfvae.data.GroundTruthData`), or images alone
            (`tfvae.data.ImageData`): of these the metrics that need no factors, the KL and the reconstruction error are
            taken; each other metric gives `{"score": None, "standard_error": None, "skipped": why}`.
        metrics: "all", or names out of `METRICS`.
        decode: function from codes, float32 [B, D], to the logits of a Bernoulli likelihood, [B, H, W, C].
        log_likelihood: for any likelihood, in place of `decode`: function from images, float32 [B, H, W, C], and codes,
            float32 [B, D], to log p(x | z), [B], in nats, such as `VAE.log_likelihood`.
        seed: int >= 0.
        images: int, random images over which the KL and the reconstruction error are averaged; all when fewer.
        limit: int >= 2 or None; the data are replaced by so many random images of theirs: a quick look, with `QUICK`.
        ceilings: whether each metric that needs factors also gets "ceiling", what the factors themselves score, see
            `tfvae.metrics.ceiling`; it takes as long again as these metrics.
        batch_size: int, images that are encoded or decoded at a time.
        progress: bool, whether to show a progress bar while encoding, on a terminal.
        parameters: for each metric what differs from its defaults, such as `{"factor_vae": {"votes": 100}}` or `QUICK`;
            what is said of a metric that is not asked for is ignored.
        cache: a folder where the codes of all images are kept, to be read the next time that the same model (by its
            weights) and data are scored. A damaged file is warned of, and the images are encoded again.
        model: what `represent` computes with, for the cache: a Keras model or a SavedModel's folder. By default
            `represent` itself.

    Returns:
        A dict that `json.dump` takes:
        - for each metric what it returns, "score" and "standard_error" among others;
        - "kl": "latents", KL(q(z_j|x) || p(z_j)) in nats averaged over the images, D numbers, and "total", their sum;
          only for codes with log variances;
        - "reconstruction": "nats", -E log p(x|z) with one z ~ q(z|x) an image (z the code where there is no
          posterior), summed over pixels and averaged over the images, and "standard_error"; only with `decode` or
          `log_likelihood`;
        - what was scored and how: "data" (its name), "digest", "seed", "images", "encoded" (how many were encoded
          in all, or read from the cache) and "parameters", and "limit" where there is one.

    Raises:
        ValueError: unknown names, or a function gives another shape than expected, NaN or infinity.
        TypeError: a cache is asked for, and `represent` and `model` are no model.
    """
    metrics = tuple(METRICS) if metrics == "all" else (metrics,) if isinstance(metrics, str) else tuple(metrics)
    parameters = dict(parameters or {})
    for name in (*metrics, *parameters):
        if name not in METRICS:
            raise ValueError(f"Expected metrics out of {sorted(METRICS)}, or 'all'. Received: {name!r}")
    if images < 2 or (limit is not None and limit < 2):
        raise ValueError(f"Expected at least two images. Received: images={images}, limit={limit}")
    if isinstance(represent, Codes) and (represent.data is not data or limit is not None or cache is not None):
        raise ValueError(
            f"Expected codes of the data that is scored, without limit and cache. Received: codes of "
            f"{represent.data.name} for {data.name}, limit={limit}, cache={cache}"
        )
    name, digest = data.name, data.digest
    if limit is not None and limit < len(data):
        data = _some(data, subset(len(data), limit, generator(seed, "limit")))
    if isinstance(represent, Codes):
        codes = represent
    else:
        key = None if cache is None else codes_key(_digest(represent if model is None else model), data)
        codes = Codes(represent, data, batch_size=batch_size, cache=cache, key=key)
    used = {name: dict(parameters[name]) for name in metrics if name in parameters}
    result: dict[str, Any] = score_codes(codes, metrics, seed, used)
    if ceilings:
        supervised = [name for name in metrics if METRICS[name].needs_factors and result[name]["score"] is not None]
        perfect = ceiling(data, metrics=supervised, seed=seed, parameters=used) if supervised else {}
        for metric in supervised:
            result[metric]["ceiling"] = perfect[metric]["score"]

    sample = subset(len(data), images, generator(seed, "images"))
    kl = codes.kl_per_latent(sample)
    if kl is not None:
        result["kl"] = {"total": float(kl.sum()), "latents": kl.tolist()}
    if decode is not None:
        log_likelihood = _bernoulli(decode)
    if log_likelihood is not None:
        errors = _reconstruction_errors(codes, log_likelihood, sample, batch_size, generator(seed, "reconstruction"))
        result["reconstruction"] = {
            "nats": float(errors.mean()),
            "standard_error": float(errors.std(ddof=1) / np.sqrt(errors.size)),
        }
    return {
        **result,
        "data": name,
        "digest": digest,
        "seed": seed,
        "images": len(sample),
        "encoded": codes.encoded,
        "parameters": used,
        **({} if limit is None else {"limit": limit}),
    }


def _digest(model: Any) -> str:
    """Identifies what a model, or the folder of a SavedModel, computes with."""
    declared = None if isinstance(model, str | os.PathLike) else capabilities_of(model).digest
    return model_digest(model) if declared is None else declared()


def _some(data: Any, indices: np.ndarray) -> Any:
    """The data of which there are only the images at `indices`, int [n]; its factors are a table."""
    images = data.images(indices)
    if getattr(data, "factors", None) is None:
        return ImageData(data.name, images)
    factors = data.factors
    # The place of a value where it is one of a set, so that it stays one.
    table = np.where(factors.continuous, factors.values_of(indices), factors.to_factors(indices))
    return GroundTruthData(data.name, FactorTable(factors.names, table, continuous=factors.continuous), images)


def _bernoulli(decode: Callable[[np.ndarray], Any]) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """log p(x|z) of a Bernoulli likelihood whose logits `decode` gives: images and codes -> float64 [B], in nats."""

    def log_likelihood(x: np.ndarray, z: np.ndarray) -> np.ndarray:
        logits = np.asarray(decode(z), np.float64)
        if logits.shape != x.shape:
            raise ValueError(f"Expected logits of the images' shape {x.shape}. Received: shape={logits.shape}")
        # log p = x l - softplus(l), and softplus(l) = max(l, 0) + log1p(exp(-|l|)) does not overflow.
        pixels = x * logits - np.maximum(logits, 0) - np.log1p(np.exp(-np.abs(logits)))
        return pixels.reshape(len(x), -1).sum(axis=1)

    return log_likelihood


def _reconstruction_errors(
    codes: Codes,
    log_likelihood: Callable[[np.ndarray, np.ndarray], Any],
    indices: np.ndarray,
    batch_size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """-log p(x|z), one z ~ q(z|x) each, for the images at `indices`, int [N]: float64 [N], in nats."""
    z = codes.sample(indices, rng)
    errors = np.empty(len(indices))
    for start in range(0, len(indices), batch_size):
        rows = slice(start, start + batch_size)
        x = scaled_images(codes.data, indices[rows])
        errors[rows] = -np.asarray(log_likelihood(x, z[rows]), np.float64)
    if not np.isfinite(errors).all():
        bad = int((~np.isfinite(errors)).sum())
        raise ValueError(
            f"Expected finite log likelihoods, as of finite logits. Received: NaN or infinity for {bad} of "
            f"{errors.size} images"
        )
    return errors
