"""JSON files that record how far something is: one reader, which names a file that is damaged."""

import json
import os
from pathlib import Path
from typing import Any


def read_object(path: str | os.PathLike, what: str) -> dict[str, Any]:
    """Reads a JSON object.

    Args:
        path: of the file.
        what: the file holds, such as "an experiment".

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: naming the file, when it is damaged, or is something else: it is empty or cut off, its text is not
            UTF-8, it is nested too deeply, or it is a folder.
        OSError: when it cannot be read for another reason.
    """
    try:
        values = json.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(f"Expected {what}, a JSON file. There is none at {path}") from None
    except (ValueError, RecursionError, IsADirectoryError) as error:
        raise ValueError(f"Expected {what}, a JSON file. Received: {path}: {error}") from None
    if not isinstance(values, dict):
        raise ValueError(f"Expected {what}, a JSON object. Received: {path} with a {type(values).__name__}")
    return values
