"""The part of a page with sliders: a decoder that the page runs, and each latent's distribution."""

from typing import Any

import numpy as np

from tfvae.analysis.aggregate_posterior import Marginals
from tfvae.codes.latents import INFORMATION
from tfvae.data.shapes import undrawable
from tfvae.models.base import Model
from tfvae.report.contents import Contents, Subject
from tfvae.report.densities import no_density
from tfvae.report.images import NO_DECODER, data_uri, random_places
from tfvae.report.portable_decoder import portable

_STARTS = 10


def add_sliders(contents: Contents, subject: Subject, marginals: Marginals | None) -> None:
    """Adds sliders where the page can run the decoder and the latents have densities.

    Args:
        contents, subject: of the page.
        marginals: of q(z); None where it has no density.
    """
    model = subject.trained.model
    if subject.capabilities.decode is None:
        contents.skip("sliders", NO_DECODER)
    elif reason := undrawable(subject.codes.data.image_shape):
        contents.skip("sliders", reason)
    elif marginals is None:
        contents.skip("sliders", f"{no_density(subject.codes)}")
    elif model is None:
        contents.skip("sliders", "an exported decoder cannot run in the page")
    else:
        starts = random_places(subject)[:_STARTS]
        try:
            decoder = _decoder(model, subject.codes.means(starts))
        except ValueError as error:
            contents.skip("sliders", f"of the decoder: {error}")
            return
        height, width = model.image_shape[:2]
        contents.explorer = {"decoder": decoder, "height": height, "width": width} | _sliders(
            subject, starts, marginals
        )


def _decoder(model: Model, codes: np.ndarray) -> dict[str, Any]:
    """The decoder for the page, which draws the sigmoid of its output.

    Raises:
        ValueError: if the page cannot run it, or the model's image of the codes [N, D] is not that sigmoid, as for a
            continuous Bernoulli likelihood.
    """
    network = getattr(model, str(model.decoding_network))
    described = portable(network)
    assert model.decode is not None
    drawn = 1 / (1 + np.exp(-np.asarray(network(codes, training=False), np.float64)))
    if not np.allclose(drawn, np.asarray(model.decode(codes), np.float64), atol=0.5 / 255):
        raise ValueError("Expected images that are the sigmoid of its output. Received: other images")
    return described


def _sliders(subject: Subject, starts: np.ndarray, marginals: Marginals) -> dict[str, Any]:
    codes = subject.codes
    means = codes.means(starts)
    # Wide enough for the prior, for every start, and for all but a thousandth of each latent's distribution.
    tails = np.cumsum(marginals.density, axis=1)
    inside = np.any((tails > 5e-4 * tails[:, -1:]) & (tails < (1 - 5e-4) * tails[:, -1:]), axis=0)
    half = float(max(3, np.ceil(np.abs(means).max()), np.ceil(np.abs(marginals.grid[inside]).max(initial=0))))
    grid = np.linspace(-half, half, 81)
    densities = np.stack([np.interp(grid, marginals.grid, row, left=0, right=0) for row in marginals.density])
    prior = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    latents = []
    for latent in np.argsort(-marginals.information, kind="stable"):
        top = max(densities[latent].max(), prior.max())
        latents.append(
            {
                "index": int(latent),
                "information": float(marginals.information[latent]),
                "collapsed": bool(marginals.information[latent] <= INFORMATION),
                "density": f"M0,20L{_path(densities[latent] / top)}L100,20Z",
                "prior": f"M{_path(prior / top)}",
            }
        )
    images, names = codes.data.images(starts), map(codes.data.name_of, starts)
    return {
        "half": half,
        "latents": latents,
        "starts": [
            {"image": data_uri(image), "code": [round(float(value), 4) for value in mean], "label": name}
            for image, mean, name in zip(images, means, names, strict=True)
        ],
    }


def _path(heights: np.ndarray) -> str:
    """A line through heights in [0, 1], in a box of 100 x 20."""
    return "L".join(
        f"{x:.2f},{19.5 - 19 * y:.2f}" for x, y in zip(np.linspace(0, 100, len(heights)), heights, strict=True)
    )
