"""Codes as a table: a row for each image, with its file, its latents and its factors."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from tfvae.files.atomic import written_whole

SUFFIXES = (".csv", ".parquet", ".npz")


def columns_of(codes: Any) -> dict[str, np.ndarray]:
    """Returns the columns of the table of all images of `Codes`, which are encoded where they are not yet.

    - "index", the image's place, and "file", its name, where the images come from files;
    - "z0", "z1", ..., the means, "z0.log_variance", ... of a posterior, and "z0.index", ... of quantised codes;
    - of a category: "category", the likeliest, and its probabilities "category.0", "category.1", ...;
    - each factor under its name, text where it has labels. A name that is taken becomes "factor.NAME".
    """
    data, places = codes.data, np.arange(len(codes.data))
    outputs = codes.outputs(places)
    columns: dict[str, np.ndarray] = {"index": places}
    if data.files is not None:
        columns["file"] = np.array(data.files)
    columns |= {f"z{k}": column for k, column in enumerate(outputs["mean"].T)}
    if "log_variance" in outputs:
        columns |= {f"z{k}.log_variance": column for k, column in enumerate(outputs["log_variance"].T)}
    if "value_indices" in outputs:
        columns |= {f"z{k}.index": column.astype(int) for k, column in enumerate(outputs["value_indices"].T)}
    if "probabilities" in outputs:
        columns["category"] = outputs["probabilities"].argmax(axis=1)
        columns |= {f"category.{k}": column for k, column in enumerate(outputs["probabilities"].T)}
    for name, values in _factors(data).items():
        columns[f"factor.{name}" if name in columns else name] = values
    return columns


def write(codes: Any, path: str | os.PathLike[str]) -> None:
    """Writes the table, or the arrays of a .npz file, see `Codes.save`."""
    path = check_suffix(path)
    # Everything is encoded before the file is begun.
    if path.suffix == ".npz":
        arrays = _arrays(codes)
        with written_whole(path) as beside:
            np.savez(beside, **arrays)  # type: ignore[arg-type]
        return
    import pyarrow as pa  # which scoring a matrix of codes does without
    from pyarrow import csv, parquet

    table = pa.table({name: pa.array(column) for name, column in columns_of(codes).items()})
    with written_whole(path) as beside:
        (csv.write_csv if path.suffix == ".csv" else parquet.write_table)(table, beside)


def check_suffix(path: str | os.PathLike[str]) -> Path:
    """Returns a path as one.

    Raises:
        ValueError: if it ends in none of `SUFFIXES`.
    """
    path = Path(path)
    if path.suffix not in SUFFIXES:
        raise ValueError(f"Expected a file that ends in {', '.join(SUFFIXES)}. Received: {os.fspath(path)!r}")
    return path


def _arrays(codes: Any) -> dict[str, np.ndarray]:
    data, outputs = codes.data, codes.outputs(np.arange(len(codes.data)))
    outputs |= {name: outputs[name].astype(int) for name in ("value_indices",) if name in outputs}
    files = {} if data.files is None else {"files": np.array(data.files)}
    factors = _factors(data)
    if not factors:
        return {**outputs, **files}
    # If a factor has labels, all are text, which is read as numbers where it is.
    table = np.array([column.tolist() for column in factors.values()], str if data.factors.labels else float)
    return {**outputs, **files, "factors": table.T, "factor_names": np.array(list(factors))}


def _factors(data: Any) -> dict[str, np.ndarray]:
    if data.factors is None:
        return {}
    values = data.factors.values_of(np.arange(len(data)))
    return {
        name: np.array(data.factors.labels[name])[column.astype(int)] if name in data.factors.labels else column
        for name, column in zip(data.factors.names, values.T, strict=True)
    }
