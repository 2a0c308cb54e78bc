"""Turns the latents of a trained VAE so that they are as independent as a linear map can make them."""

import logging
import warnings
from typing import Any

import keras
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.stats import differential_entropy

from tfvae.codes import Codes
from tfvae.codes.subset import subset
from tfvae.data.arrays import as_image_data
from tfvae.models.base import Model
from tfvae.models.vae import VAE
from tfvae.networks.turning import Turn, TurnBack

LEAST_GAIN = 0.02  # nats: more than the noise of its estimate
_ITERATIONS = 1_000
_LOG = logging.getLogger(__name__)


def rotate(
    model: VAE,
    data: Any,
    *,
    images: int = 20_000,
    active: str = "information",
    force: bool = False,
    seed: int = 0,
) -> VAE:
    """Returns a VAE whose latents are those of another, mixed linearly by independent component analysis (ICA).

    A VAE finds a space of codes before it finds axes in it. Where the codes are mixed but independent causes can be
    separated linearly, FastICA (Hyvarinen & Oja, 2000) of the posterior means finds them, without labels and in
    seconds; the decoder turns codes back first, so that it draws the same images.

    Where latents already have one meaning each, ICA may mix them. So codes are refused whose total correlation, that of
    q(z), does not fall by at least 0.02 nats: a criterion without labels. docs/guides/rotating.md has what that gives
    over the zoo. It also judges axes that FastICA has not settled on, as those of latents that are normal; a warning
    is logged then.

    The latents that do not count stay as they are. A turned latent keeps the place and the sign of the latent that it
    has most of, and its aggregate posterior has mean 0 and variance 1, as the prior.

    Args:
        model: a VAE, or a model of a class derived from it, whose decoder takes codes alone. The result has its
            networks between two layers that are not trained: to train one of both trains the other too.
        data: what `tfvae.evaluate` takes; factors are not used.
        images: int, more than the latents that count: how many random images the components are found from.
        active: which latents count, see `tfvae.codes.ActiveRule`.
        force: turns codes even where that makes them no more independent.
        seed: int, decides the images, and where FastICA begins.

    Returns:
        A plain `VAE`, not compiled, with the model's likelihood: its objective has no part for a discriminator, say. It
        trains, saves, exports and scores as any other.

    Raises:
        TypeError: if the model is not a VAE, has a categorical latent, or computes its codes from its encoder's outputs
            in a way of its own, as `InformationDropout`.
        ValueError: if fewer than two latents count, there are too few images, or the total correlation does not fall.

    Examples:
        >>> images = np.random.default_rng(0).random([64, 16, 16, 1], np.float32)
        >>> model = tfvae.create("vae", (16, 16, 1), latent_dim=3)
        >>> turned = tfvae.rotate(model, images, active="all", force=True)
        >>> turned.predict(images, verbose=0)["mean"].shape
        (64, 3)
    """
    if not (isinstance(model, Model) and model.has_log_variance) or model.categories:
        raise TypeError(f"Expected a VAE without a categorical latent. Received: {type(model).__name__}")
    codes = Codes(model, as_image_data(data), active=active)
    indices = subset(len(codes.data), images, np.random.default_rng(seed))
    outputs, counts = codes.outputs(indices), np.flatnonzero(codes.active_latents())
    if len(counts) < 2:
        raise ValueError(f"Expected at least two latents that count. Received: {len(counts)} of {model.latent_dim}")
    if len(indices) <= len(counts):
        raise ValueError(f"Expected more images than the {len(counts)} latents that count. Received: {len(indices)}")
    mean, variance = (np.asarray(outputs["mean"], np.float64), np.exp(np.float64(outputs["log_variance"])))
    unmixing = _components(mean[:, counts], variance[:, counts], seed)
    if not force:
        noise = np.sqrt(variance) * np.random.default_rng(seed).standard_normal(mean.shape)
        _check_gain(independence_gain((mean + noise)[:, counts], unmixing))
    matrix, offset = np.eye(model.latent_dim), np.zeros(model.latent_dim)
    matrix[np.ix_(counts, counts)], offset[counts] = unmixing, mean[:, counts].mean(axis=0)
    turned = _turned(model, matrix, offset)
    _check_equal(model, turned, codes.data.scaled(indices[:8]), matrix, offset)
    return turned


def independence_gain(codes: np.ndarray, matrix: np.ndarray) -> float:
    """By how much the total correlation of codes z [N, D] is above that of W z, in nats.

    TC(z) - TC(W z) = sum_j H(z_j) - sum_i H((W z)_i) + log |det W|, as the entropy of all grows by log |det W|. The
    entropies of single columns are estimated from their spacings (`scipy.stats.differential_entropy`).

    Examples:
        >>> from tfvae.models.rotation import independence_gain
        >>> sources = np.random.default_rng(0).uniform(size=(20_000, 2))
        >>> mixing = np.array([[0.8, -0.6], [0.6, 0.8]])
        >>> round(independence_gain(sources @ mixing.T, mixing.T), 1)
        0.3
    """
    before, after = differential_entropy(codes).sum(), differential_entropy(codes @ matrix.T).sum()
    return float(before - after + np.linalg.slogdet(matrix)[1])


def _check_gain(gain: float) -> None:
    if not gain >= LEAST_GAIN:
        raise ValueError(
            f"Expected codes whose total correlation turning lowers by at least {LEAST_GAIN} nats. "
            f"Received: codes where it falls by {gain:.3f} nats; tfvae.rotate(..., force=True) turns them too"
        )


def _components(mean: np.ndarray, variance: np.ndarray, seed: int) -> np.ndarray:
    """The unmixing matrix W [D, D] of means [N, D], with rows in the order and with the signs of the latents."""
    from sklearn import decomposition
    from sklearn.exceptions import ConvergenceWarning

    size = mean.std(axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = decomposition.FastICA(whiten="unit-variance", random_state=seed, max_iter=_ITERATIONS).fit(mean / size)
    if found.n_iter_ == _ITERATIONS:
        _LOG.warning(
            "The axes of some latents still turned after %s iterations: they may be normal", f"{_ITERATIONS:,}"
        )
    weights = np.abs(found.components_)
    components, latents = linear_sum_assignment(weights / weights.sum(axis=1, keepdims=True), maximize=True)
    unmixing = found.components_[components[np.argsort(latents)]]
    unmixing = unmixing * np.sign(np.diag(unmixing))[:, np.newaxis] / size
    # The variance of a draw is that of the means, 1, and that of the posteriors.
    return unmixing / np.sqrt(1 + (unmixing**2 @ variance.mean(axis=0)))[:, np.newaxis]


def _turned(model: VAE, matrix: np.ndarray, offset: np.ndarray) -> VAE:
    dim = model.latent_dim
    turn, back = Turn(dim, name="turn"), TurnBack(dim, name="turn_back")
    encoder = keras.Sequential([keras.Input(model.image_shape), model.encoder, turn], name="encoder")
    decoder = keras.Sequential([keras.Input((dim,)), back, model.decoder], name="decoder")
    turn.set(matrix, offset)
    back.set(np.linalg.inv(matrix), offset)
    turned = VAE(encoder, decoder, likelihood=model.likelihood_name, scale=model.scale, seed=model.seed)
    for mine, value in zip(turned.own_variables, model.own_variables, strict=True):
        mine.assign(value)
    return turned


def _check_equal(model: VAE, turned: VAE, images: np.ndarray, matrix: np.ndarray, offset: np.ndarray) -> None:
    """Raises TypeError when the turned model has other codes than the model's, turned, or draws other images."""
    mean, found = (keras.ops.convert_to_numpy(each(images)["mean"]) for each in (model, turned))
    pairs = [(found, (mean - offset) @ matrix.T), (turned.decode(found), model.decode(mean))]
    if not all(np.allclose(*pair, rtol=1e-3, atol=1e-3) for pair in pairs):
        raise TypeError(
            "Expected a VAE whose codes are its encoder's outputs, and its decoder's inputs. "
            f"Received: {type(model).__name__}"
        )
