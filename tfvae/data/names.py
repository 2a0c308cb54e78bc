"""Names of data sets with options: "folder:photos?size=64&channels=3"."""

import json
from typing import Any


def parse(name: str) -> tuple[str, dict[str, Any]]:
    """Splits a name from the options after its last question mark.

    Args:
        name: "NAME", or "NAME?key=value&key=value". A value that is valid JSON (64, true, "64") is read as JSON, and
            any other as text. A key alone means true. If the name itself has a question mark, end it with another one.

    Returns:
        The name, and the options.

    Raises:
        ValueError: if a key is empty or repeated.
    """
    name, _, text = name.rpartition("?") if "?" in name else (name, "", "")
    options: dict[str, Any] = {}
    for part in text.split("&") if text else ():
        key, equals, value = part.partition("=")
        if not key.isidentifier() or key in options:
            raise ValueError(f"Expected options as key=value, each key once. Received: {part!r} in {text!r}")
        options[key] = _value(value) if equals else True
    return name, options


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
