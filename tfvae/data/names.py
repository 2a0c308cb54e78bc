"""Names of data sets with options: "folder:photos?size=64&channels=3"."""

import json
from typing import Any


def parse(name: str) -> tuple[str, dict[str, Any]]:
    """Splits a name from the options after its last question mark.

    Args:
        name: "NAME", or "NAME?key=value&key=value". A value is read as JSON where it is JSON (64, true, "64") and as
            text otherwise; a key alone means true. A name that has a question mark itself is given with one more at
            its end.

    Returns:
        The name, and the options.

    Raises:
        ValueError: if a key is empty or is given twice.
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
    except json.JSONDecodeError:
        return text
