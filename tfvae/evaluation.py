"""Scores of a model or of any function from images to codes: metrics, KL and reconstruction error."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tfvae.codes import Codes
from tfvae.codes.cache import codes_key
from tfvae.codes.capabilities import Capabilities, capabilities_of
from tfvae.codes.latents import ActiveRule, columns, latent_information, latent_kl
from tfvae.data.arrays import as_image_data
from tfvae.data.factor_table import FactorTable, described
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData
from tfvae.metrics import METRICS, QUICK, ceiling, score_codes
from tfvae.metrics.ignored import Ignore, ignored_names
from tfvae.metrics.parameters import Parameters, checked_parameters
from tfvae.metrics.scores import Scores
from tfvae.metrics.scoring import generator
from tfvae.metrics.selection import Selection, selected
from tfvae.metrics.trial import check_values

# The arguments of `evaluate` for a first look: few images, and each metric's quick parameters.
QUICKLY: dict[str, Any] = {"parameters": QUICK, "num_images": 2_000, "limit": 10_000}

_BATCH = 512  # images for which log p(x | z) is computed at a time


def evaluate(
    model: Any,
    data: Any,
    *,
    metrics: Selection = "all",
    parameters: Parameters | None = None,
    ignore: Ignore = (),
    seed: int = 0,
    num_images: int = 10_000,
    limit: int | None = None,
    cache: str | os.PathLike[str] | None = None,
    active: str | None = None,
) -> Scores:
    """Scores a model.

    Each part has its own random numbers, from the seed and its name: a score does not depend on what else is scored.
    Each image is encoded at most once.

    Args:
        model: what `tfvae.codes.capabilities_of` takes: a model of tfvae, an exported encoder, what
            `tfvae.loading.load` returns, or a function from images, float32 [B, H, W, C] in [0, 1], to
            `{"mean": [B, D], "log_variance": [B, D]}` or to codes [B, D]. Or `Codes` of `data`: images that they have
            encoded are not encoded again.
        data: `tfvae.data.ImageData`, with known factors (`GroundTruthData`) or without; an array of images [N, H, W, C]
            of uint8 or of floats in [0, 1], or of vectors [N, F]; or a pair of such an array and factors [N, K].
            Without factors, the metrics that need them give `{"score": None, "standard_error": None, "skipped": why}`.
        metrics: "all" (see `metrics.in_all`), a name in `METRICS`, a function `(codes, rng, **parameters)`, or several
            of these.
        parameters: for each metric what differs from its defaults, such as `{"factor_vae": {"votes": 100}}` or `QUICK`;
            entries for metrics that are not scored are not used.
        ignore: factors that no metric fixes or predicts, such as ["shape"], as in Figure 3 of Kim & Mnih (2018): names,
            or numbers of columns where `data` is a pair of arrays. They still vary with the others.
        seed: int >= 0.
        num_images: int >= 2, random images over which the KL and the reconstruction error are averaged; all images when
            there are fewer.
        limit: int >= 2 or None; only this many random images of the data are used. See `QUICKLY`.
        active: which latents count, see `tfvae.codes.ActiveRule`: "information" (the default), "kl", "spread" or "all",
            or with another threshold, such as "information:0.05". Metrics leave out the others.
        cache: a folder that keeps the codes of all images. They are read the next time that the same model (by its
            weights) and data are scored. A damaged file causes a warning, and the images are encoded again.

    Returns:
        A dict that `json.dump` takes, and that prints as a table (`with_ceilings` adds the scores of a perfect code):
        - for each metric what it returns, "score" and "standard_error" among others;
        - "kl": "latents", KL(q(z_j|x) || p(z_j)) in nats averaged over the images, D numbers, and "total", their sum;
          only for codes with log variances;
        - "latents": "rule", by which latents count, "active", which do, D booleans, and of each its "mean", its
          "deviation" (the standard deviation of its means) and, for codes with log variances, its "information" in
          nats (see `tfvae.codes.latent_information`);
        - "reconstruction": "nats", -E log p(x|z) with one z ~ q(z|x) for each image (z is the code where there is no
          posterior), summed over pixels and averaged over the images, and "standard_error"; only for a model that
          declares `log_likelihood`;
        - what was scored and how: "data" (its name), "digest", "seed", "images" (how many the KL is averaged over),
          "encoded" (how many were encoded or read from the cache), "parameters" and, if given, "limit"; "factors",
          what each was taken for, such as {"discrete": {"scale": 6}, "continuous": {"age": 981}}, with their numbers of
          values, and, if given, "ignored": ["shape"]; only for data with factors.

    Raises:
        ValueError: for unknown names and parameters, images of another shape than the model's, or a function that
            returns another shape than expected, NaN or infinity.
        TypeError: for something that is not a model or a function, or a cache for a function.

    Examples:
        >>> images = np.random.default_rng(0).random([64, 16, 16, 1], np.float32)
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=2)
        >>> scores = tfvae.evaluate(model, images, metrics="mutual_information")
        >>> len(scores["kl"]["latents"]), scores["images"]
        (2, 64)
    """
    metrics = metrics if isinstance(metrics, str) or callable(metrics) else tuple(metrics)
    used = checked_parameters(selected(metrics), parameters or {})
    check_values({name: given for name, given in used.items() if name in METRICS})
    if num_images < 2 or (limit is not None and limit < 2):
        raise ValueError(f"Expected at least two images. Received: num_images={num_images}, limit={limit}")
    if isinstance(model, Codes):
        _check_codes(model, data, limit, cache, active)
        everything, codes = data, model
    else:
        everything = as_image_data(data)
        rule = ActiveRule.of(active or "information")
        images = everything if limit is None else limited(everything, limit, seed)
        codes = _codes(capabilities_of(model), images, cache, rule)
    ignored = ignored_names(codes.data.factors, ignore, by_column=isinstance(data, tuple))
    result: dict[str, Any] = score_codes(codes, metrics, seed, used, ignored)

    sample = codes.data.random_indices(num_images, generator(seed, "images"))
    outputs = codes.outputs(sample)
    kl, information, means = latent_kl(outputs), latent_information(outputs), columns(outputs)
    if kl is not None:
        result["kl"] = {"total": float(kl.sum()), "latents": kl.tolist()}
    result["latents"] = {
        "rule": str(codes.active),
        "active": codes.active_latents().tolist(),
        "mean": means.mean(axis=0).tolist(),
        "deviation": means.std(axis=0).tolist(),
        **({} if information is None else {"information": information.tolist()}),
    }
    log_likelihood = codes.capabilities.log_likelihood
    if log_likelihood is not None:
        errors = _reconstruction_errors(codes, log_likelihood, sample, generator(seed, "reconstruction"))
        result["reconstruction"] = {
            "nats": float(errors.mean()),
            "standard_error": float(errors.std(ddof=1) / np.sqrt(errors.size)),
        }
    whole = {
        **result,
        "data": everything.name,
        "digest": everything.digest,
        "seed": seed,
        "images": len(sample),
        "encoded": codes.encoded,
        "parameters": used,
        **({} if limit is None else {"limit": limit}),
        **({} if everything.factors is None else {"factors": described(codes.data.factors, ignored)}),
    }
    return Scores(whole)


def with_ceilings(scores: Mapping[str, Any], data: Any) -> Scores:
    """Adds "ceiling", the score of a perfect code of the same images, to each metric that needs factors.

    Args:
        scores: from `evaluate`.
        data: what was scored.

    Returns:
        The scores, in which each of these metrics has a "ceiling": see `tfvae.metrics.ceiling`.

    Examples:
        >>> factors = np.stack(np.unravel_index(np.arange(24), (4, 3, 2)), axis=1)
        >>> data = np.random.default_rng(0).random([24, 16, 16, 1], np.float32), factors
        >>> scores = tfvae.evaluate(lambda images: images[:, 0, :4, 0], data, metrics="mig", num_images=24)
        >>> from tfvae.evaluation import with_ceilings
        >>> round(with_ceilings(scores, data)["mig"]["ceiling"], 2)
        1.0
    """
    result = Scores({name: dict(each) if isinstance(each, Mapping) else each for name, each in scores.items()})
    supervised = [name for name in METRICS if name in result and METRICS[name].needs_factors]
    names = [name for name in supervised if result[name]["score"] is not None]
    if not names:
        return result
    everything = as_image_data(data)
    images = limited(everything, result.get("limit", len(everything)), result["seed"])
    ignored = result["factors"].get("ignored", ())
    perfect = ceiling(images, metrics=names, seed=result["seed"], parameters=result["parameters"], ignore=ignored)
    for name in names:
        result[name]["ceiling"] = perfect[name]["score"]
    return result


def limited(data: ImageData, limit: int, seed: int) -> ImageData:
    """The `limit` random images of data that `evaluate` uses; all of them when there are no more.

    Factors become a table, in which the values of a discrete factor are their places.
    """
    if limit >= len(data):
        return data
    indices = data.random_indices(limit, generator(seed, "limit"))
    images, factors = data.images(indices), data.factors
    if factors is None:
        return ImageData(data.name, images)
    table = np.where(factors.continuous, factors.values_of(indices), factors.to_factors(indices))
    rows = FactorTable(factors.names, table, continuous=factors.continuous, labels=factors.labels)
    return GroundTruthData(data.name, rows, images)


def _check_codes(codes: Codes, data: Any, limit: int | None, cache: Any, active: str | None) -> None:
    if codes.data is not data or limit is not None or cache is not None or active is not None:
        raise ValueError(
            f"Expected codes of the data that is scored, without limit, cache and active. Received: codes of "
            f"{codes.data.name} for {data.name}, limit={limit}, cache={cache}, active={active!r}"
        )


def _codes(able: Capabilities, data: Any, cache: str | os.PathLike[str] | None, active: ActiveRule) -> Codes:
    able.check_shape(data.image_shape)
    if cache is None:
        return Codes(able, data, active=active)
    if able.digest is None:
        raise TypeError("Expected a model for the cache, as codes are kept by its weights. Received: a function")
    return Codes(able, data, cache=cache, key=codes_key(able.digest(), data), active=active)


def _reconstruction_errors(
    codes: Codes, log_likelihood: Callable[..., Any], indices: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """-log p(x|z), one z ~ q(z|x) each, for the images at `indices`, int [N]: float64 [N], in nats."""
    z = codes.sample(indices, rng)
    errors = np.empty(len(indices))
    for start in range(0, len(indices), _BATCH):
        rows = slice(start, start + _BATCH)
        x = codes.data.scaled(indices[rows])
        found = np.asarray(log_likelihood(x, z[rows]), np.float64)
        if found.shape != (len(x),):
            raise ValueError(f"Expected log likelihoods [{len(x)}], one for each image. Received: shape={found.shape}")
        errors[rows] = -found
    if not np.isfinite(errors).all():
        bad = int((~np.isfinite(errors)).sum())
        raise ValueError(
            f"Expected finite log likelihoods. Received: NaN or infinity for {bad} of {errors.size} images"
        )
    return errors
