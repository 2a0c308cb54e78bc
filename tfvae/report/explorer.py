"""The parts of the page that show decoded images: sliders, traversals, samples."""

import base64
import io
from typing import Any

import numpy as np
from PIL import Image

from tfvae.analysis.aggregate_posterior import Marginals
from tfvae.codes.codes import Codes, scaled_images
from tfvae.models.vae import VAE
from tfvae.plots.samples import prior_samples
from tfvae.plots.traversals import INACTIVE, traverse
from tfvae.report.portable_decoder import portable

_STARTS = 10
_GAP = 1  # image pixels between tiles


def add_to(page: dict[str, Any], model: VAE, codes: Codes, marginals: Marginals, seed: int) -> None:
    """Adds "explorer", "traversal" and a figure of samples to what the page shows."""
    rng = np.random.default_rng([seed, 2])
    places = rng.choice(len(codes.data), min(256, len(codes.data)), replace=False)
    starts = places[:_STARTS]
    try:
        decoder = portable(model.decoder)
    except ValueError as error:
        page["missing"].append(("Sliders", str(error)))
    else:
        page["explorer"] = {
            "decoder": decoder,
            "height": model.image_shape[0],
            "width": model.image_shape[1],
            **_sliders(codes, starts, marginals),
        }
    page["traversal"] = {"rows": _traversal_rows(model, scaled_images(codes.data, places))}
    samples = prior_samples(model.decode, model.latent_dim, rng)
    page["figures"].append(
        {
            "id": "samples",
            "title": "Samples",
            "image": data_uri(_tiled(samples.reshape(4, 16, *samples.shape[1:]))),
            "caption": "Images decoded from draws of the prior (Figures 19 to 22 of the paper).",
        }
    )


def data_uri(pixels: np.ndarray) -> str:
    """An image, uint8 [H, W, 1 or 3 or 4], as a PNG within a URI."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()


def _sliders(codes: Codes, starts: np.ndarray, marginals: Marginals) -> dict[str, Any]:
    means = codes.means(starts)
    # Wide enough for the prior and for every start.
    half = float(max(3, np.ceil(np.abs(means).max())))
    grid = np.linspace(-half, half, 81)
    densities = np.stack([np.interp(grid, marginals.grid, row, left=0, right=0) for row in marginals.density])
    prior = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    latents = []
    for latent in np.argsort(-marginals.kl, kind="stable"):
        top = max(densities[latent].max(), prior.max())
        latents.append(
            {
                "index": int(latent),
                "kl": float(marginals.kl[latent]),
                "collapsed": bool(marginals.kl[latent] < INACTIVE),
                "density": f"M0,20L{_path(densities[latent] / top)}L100,20Z",
                "prior": f"M{_path(prior / top)}",
            }
        )
    images = codes.data.images(starts)
    return {
        "half": half,
        "latents": latents,
        "starts": [
            {"image": data_uri(image), "code": [round(float(value), 4) for value in mean], "label": f"image {place}"}
            for image, mean, place in zip(images, means, starts, strict=True)
        ],
    }


def _path(heights: np.ndarray) -> str:
    """A line through heights in [0, 1], in a box of 100 x 20."""
    return "L".join(
        f"{x:.2f},{19.5 - 19 * y:.2f}" for x, y in zip(np.linspace(0, 100, len(heights)), heights, strict=True)
    )


def _traversal_rows(model: VAE, images: np.ndarray) -> list[dict[str, Any]]:
    found = traverse(model, model.decode, images)
    count = len(found.values)

    def row(label: str, tiles: np.ndarray, alt: str, kl: float | None = None) -> dict[str, Any]:
        return {"label": label, "kl": kl, "image": data_uri(_tiled(tiles[np.newaxis])), "alt": alt, "axis": None}

    rows = [
        row("image", found.images[:count], "originals"),
        row("reconstruction", found.reconstructions[:count], "their reconstructions"),
        {"axis": [f"{value:.1f}".replace("-", "\u2212") for value in found.values]},
    ]
    assert found.kl is not None  # of a model with a posterior
    for latent, kl, frames in zip(found.latents, found.kl, found.frames, strict=True):
        alt = f"latent {latent} from {found.values[0]:.1f} to {found.values[-1]:.1f}"
        rows.append(row(f"z{latent}", frames, alt, float(kl)))
    return rows


def _tiled(images: np.ndarray) -> np.ndarray:
    """Images [rows, columns, H, W, C] in [0, 1] side by side, uint8 with transparent gaps, 4 channels."""
    rows, columns, height, width, _ = images.shape
    levels = np.round(255 * np.clip(images, 0, 1)).astype(np.uint8)
    sheet = np.zeros((rows, height + _GAP, columns, width + _GAP, 4), np.uint8)
    sheet[:, :height, :, :width, :3] = np.broadcast_to(
        levels.transpose(0, 2, 1, 3, 4), (rows, height, columns, width, 3)
    )
    sheet[:, :height, :, :width, 3] = 255
    return sheet.reshape(rows * (height + _GAP), columns * (width + _GAP), 4)[:-_GAP, :-_GAP]
