"""What an encoder returns for a batch of images, and whether it is that."""

from typing import Any

import numpy as np

# By name, with what each holds.
CODE_OUTPUTS = {
    "mean": "codes [B, D]",
    "log_variance": "log variances [B, D], as many columns as codes",
    "probabilities": "probabilities [B, C]",
    "value_indices": "indices of values [B, D], as many columns as codes",
}


def checked_outputs(output: Any, batch: int) -> dict[str, np.ndarray]:
    """The outputs of an encoder as float32 arrays by name: "mean", and the others of `CODE_OUTPUTS` that it has.

    Args:
        output: an array [B, D], or a dict with "mean" [B, D] and possibly others. None stands for one that is missing.
            An array may be anything that `np.asarray` takes.
        batch: the number of images (B).

    Raises:
        ValueError: if there is no "mean", a shape does not fit, or a number is NaN, infinite or not a probability.
    """
    if not isinstance(output, dict):
        output = {"mean": output}
    if output.get("mean") is None:
        raise ValueError(f'Expected codes [B, D] or a dict with "mean" [B, D]. Received: keys={sorted(output)}')
    arrays = {name: np.asarray(output[name], np.float32) for name in CODE_OUTPUTS if output.get(name) is not None}
    for name, array in arrays.items():
        columns = array.shape[1:] if name == "probabilities" else arrays["mean"].shape[1:]
        if array.ndim != 2 or array.shape != (batch, *columns) or not array.shape[1]:
            raise ValueError(
                f"Expected {CODE_OUTPUTS[name]}, one row an image. Received: shape={array.shape} for B={batch}"
            )
        if not np.isfinite(array).all():
            bad = int((~np.isfinite(array)).any(axis=1).sum())
            raise ValueError(
                f"Expected finite {CODE_OUTPUTS[name]}. Received: NaN or infinity for {bad} of {batch} images"
            )
    p = arrays.get("probabilities")
    if p is not None and (p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3):
        raise ValueError(
            f"Expected probabilities [B, C] >= 0 with rows of sum 1. Received: minimum {p.min():.4g}, sums "
            f"{p.sum(axis=1).min():.4g} to {p.sum(axis=1).max():.4g}"
        )
    return arrays


def offset_of_first(output: Any) -> np.ndarray | float:
    """What to subtract from all codes of a function in float64 so that float32 keeps how they vary: float64 [D] or 0.

    How much they vary is not known when the first are encoded. So it is the code of the first image itself, where that
    is large: above 1000, float32 keeps fewer than 4 decimals.
    """
    mean = np.asarray(output.get("mean") if isinstance(output, dict) else output)
    if mean.dtype.kind not in "iuf" or mean.dtype.itemsize <= 4 or mean.ndim != 2 or not mean.size:
        return 0.0
    first = mean[0].astype(np.float64)
    return np.where(np.isfinite(first) & (np.abs(first) > 1000), first, 0.0)


def centred(codes: Any) -> tuple[np.ndarray, np.ndarray | float]:
    """Codes [N, D] without offsets that are too large for float32, and these offsets, float64 [D].

    Codes without such offsets stay as they are, with 0 for the offsets.

    An offset is too large if it is 100 times the range of its column, of which float32 would keep 17 bits. Columns of
    floats that float32 holds exactly stay, as they may come from it and vary by its rounding alone; so do columns that
    vary by less than 1e-10 of their values, the rounding of a sum in float64. Integers have no rounding.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not codes.size or codes.dtype in (np.float32, np.float16):
        return codes, 0.0
    if codes.dtype.kind in "iu":
        return _centred_integers(codes)
    wide = codes.astype(np.float64)
    low, high = wide.min(axis=0), wide.max(axis=0)
    if not np.isfinite([low, high]).all():
        return codes, 0.0
    with np.errstate(over="ignore"):
        size, spread = np.maximum(-low, high), high - low
    far = (spread > 1e-10 * size) & (size > 100 * spread)
    far[far] = (wide[:, far].astype(np.float32) != wide[:, far]).any(axis=0)
    if not far.any():
        return codes, 0.0
    offset = np.where(far, low / 2 + high / 2, 0.0)
    return wide - offset, offset


def _centred_integers(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray | float]:
    low = codes.min(axis=0)
    # Modulo 2**64, so without overflow: float64 would merge neighbours above 2**53.
    above = (codes.astype(np.uint64) - low.astype(np.uint64)).astype(np.float64)
    half = above.max(axis=0) / 2
    middle = low.astype(np.float64) + half
    far = (half > 0) & (np.abs(middle) + half > 200 * half)
    if not far.any():
        return codes, 0.0
    return np.where(far, above - half, codes.astype(np.float64)), np.where(far, middle, 0.0)
