"""Values that flags assign: --set=steps=100, --metric=mig.bins=10."""

import json
from typing import Any


def assigned(flag: str, text: str, form: str = "key=value") -> tuple[str, Any]:
    """The key and the value of "key=value"; a value that is not JSON is text.

    Raises:
        ValueError: if there is no equals sign; the message has the flag and the form that it expects.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise ValueError(f"Expected --{flag}={form}. Received: --{flag}={text}")
    try:
        return key, json.loads(value)
    except (ValueError, RecursionError):
        return key, value
