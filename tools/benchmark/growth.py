"""How time and memory grow with the number and the size of images, the code, the batch and the factors' values."""

import dataclasses
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from tfvae import data
from tfvae.files.markdown import Table
from tfvae.metrics import METRICS, QUICK, score
from tfvae.models.build import build_model
from tools.benchmark.step import PAPER, tiny
from tools.benchmark.timing import alternate

_SIZES = 3, 6, 40, 32, 32  # of the factors of dSprites
_METRICS = "factor_vae", "mig", "sap", "total_correlation"


@dataclass(frozen=True)
class Point:
    """The sizes that vary: images of the data set, D, images in a step of FactorVAE, and their height and width."""

    images: int = 737_280
    latent_dim: int = 10
    batch: int = 128
    side: int = 64


def growth_table(quick: bool) -> Table:
    """A FactorVAE step with its data, and scoring, each in a process of its own that reports its peak memory."""
    if quick:
        points, grids = [Point(100, 2, 4)], [(2, 3, 4, 2, 2)]
    else:
        # One thing at a time around the paper's sizes.
        points = [Point(images=images) for images in (10_000, 100_000, 737_280)]
        points += [Point(latent_dim=dim) for dim in (50, 200, 512)] + [Point(batch=batch) for batch in (32, 512)]
        points += [Point(images=2_000, side=side) for side in (64, 128, 256)]
        grids = [(3, 6, 40, 4, 4), (3, 6, 40, 12, 12), _SIZES]
    rows: list[list[object]] = []
    for point in points:
        milliseconds, megabytes = _alone(_step, point, quick)
        sizes = [point.images, f"{point.side}x{point.side}x1", point.latent_dim, point.batch]
        rows.append(["FactorVAE step", *sizes, milliseconds, megabytes])
    for grid in grids:
        milliseconds, megabytes = _alone(_scores, grid, quick)
        rows.append(["scoring", int(np.prod(grid)), None, len(grid), None, milliseconds, megabytes])
    columns = ["work", "images", "size", "D", "images a step", "CPU ms", "peak MB"]
    notes = [
        "A step is the median CPU time, including the time to read its batch. Scoring is of the rotated factors, by "
        f"{', '.join(_METRICS)}. The peak is that of a process that does nothing else; it includes TensorFlow itself."
    ]
    return Table("Growth with images, code size and batch", columns, rows, notes)


def metrics_growth_table(quick: bool) -> Table:
    """CPU seconds of each metric of a table by its defaults, over the number of latents and of a factor's values."""
    rows_of_codes, base = (200, (3, 3)) if quick else (2_000, (10, 10))
    points = [base, (4, 3), (3, 4)] if quick else [base, (100, 10), (512, 10), (10, 100), (10, 1_000)]
    tables = [_table(rows_of_codes, *point) for point in points]
    rows: list[list[object]] = []
    for name in METRICS:
        seconds: list[object] = []
        for codes, factors in tables:
            start = time.process_time()
            result = score(codes, factors, metrics=name, parameters=QUICK if quick else None)[name]
            seconds.append("refused" if "skipped" in result else time.process_time() - start)
        rows.append([name, *seconds])
    columns = ["metric", *(f"D = {dim}, {values:,} values" for dim, values in points)]
    notes = [
        f"CPU seconds for a table of {rows_of_codes:,} rows and three factors with as many values each. The first "
        "three latents are the factors with noise, and the others mixtures of these. A metric that would take more "
        "than ten minutes of one core is refused before it begins."
    ]
    return Table("Growth of the metrics with latents and factors' values", columns, rows, notes)


def _table(rows: int, latents: int, values: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    factors = rng.integers(values, size=(rows, 3))
    own = factors / values + 0.05 * rng.normal(size=factors.shape)
    mixed = own @ rng.normal(size=(3, latents - 3)) + 0.5 * rng.normal(size=(rows, latents - 3))
    return np.hstack([own, mixed]), factors


def _alone(function: Callable[[Any, bool], float], argument: Any, quick: bool) -> tuple[float, float]:
    """The result of a function in a new process, milliseconds, and the peak memory of that process in megabytes."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, argument, quick).result(), pool.submit(_peak_memory).result()


def _peak_memory() -> float:
    # Kilobytes on Linux, bytes on macOS.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def _step(point: Point, quick: bool) -> float:
    experiment = tiny(PAPER["factor_vae"]) if quick else PAPER["factor_vae"]
    experiment = dataclasses.replace(experiment, batch_size=point.batch, latent_dim=point.latent_dim)
    source = _First(point.images) if point.side == 64 else _Noise(point.images, point.side)
    model = build_model(experiment, source.image_shape)
    train_step = tf.function(model.train_step, autograph=False)
    batches = iter(data.batches(source, point.batch))
    timing = alternate({"step": lambda: train_step(next(batches))}, repeats=1 if quick else 15, warmup=3)
    return 1e3 * timing["step"].cpu


def _scores(sizes: tuple[int, ...], quick: bool) -> float:
    factors = np.indices(sizes).reshape(len(sizes), -1).T
    codes = (factors / sizes) @ np.linalg.qr(np.random.default_rng(0).normal(size=(len(sizes), len(sizes))))[0]
    start = time.process_time()
    score(codes, factors, metrics=_METRICS, parameters=QUICK if quick else None)
    return 1e3 * (time.process_time() - start)


class _First:
    """The first images of dSprites."""

    def __init__(self, size: int) -> None:
        self._data = data.load("dsprites")
        self._size = size
        self.image_shape = self._data.image_shape

    def __len__(self) -> int:
        return self._size

    def images(self, indices: np.ndarray) -> np.ndarray:
        return self._data.images(indices)


class _Noise:
    """Random images, in memory."""

    def __init__(self, size: int, side: int) -> None:
        self._images = np.random.default_rng(0).integers(256, size=(size, side, side, 1), dtype=np.uint8)
        self.image_shape = side, side, 1

    def __len__(self) -> int:
        return len(self._images)

    def images(self, indices: np.ndarray) -> np.ndarray:
        return self._images[indices]
