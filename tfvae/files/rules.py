"""What the values of an experiment may be: one table, which is checked before anything is built."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_LARGEST = 3.4028234663852886e38  # of float32, in which models compute
_PRECISIONS = ["float32", "mixed_bfloat16", "mixed_float16"]

Rule = tuple[str, Callable[[Any], bool]]


def whole(least: int, most: int) -> Rule:
    """The rule of an integer from `least` to `most`: what is expected, and whether a value is that."""
    expected = f"an integer of at most {most:,} and at least {least:,}"
    return expected, lambda value: type(value) is int and least <= value <= most


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _object(value: Any) -> bool:
    return isinstance(value, Mapping)


STEPS = whole(1, 10**12)
SEED = "an integer in [0, 2^20)", whole(0, 2**20 - 1)[1]
# By the names of the fields of `tfvae.Experiment`.
RULES: Mapping[str, Rule] = {
    "model": ("a string", _text),
    "parameters": ("an object of names and values", _object),
    "data": ("a string", _text),
    "architecture": ("a string", _text),
    "latent_dim": whole(1, 2**16),
    "discriminator": ("an object of names and values", _object),
    "optimizers": ("an object of names and values", _object),
    "batch_size": whole(1, 2**24),
    "steps": STEPS,
    "log_every": STEPS,
    "checkpoint_every": STEPS,
    "seed": SEED,
    "precision": (f"one of {_PRECISIONS}", lambda value: value in _PRECISIONS),
    "start_from": ("a string", _text),
    "supervision": ("an object of names and values", _object),
    "jit_compile": ("true or false", lambda value: isinstance(value, bool)),
}
# Within objects, by the names of the values. What else is in them is for the model's constructor to check.
_WITHIN: Mapping[str, Rule] = {
    "discriminator.depth": whole(1, 1000),
    "discriminator.units": whole(1, 2**16),
    "supervision.labels": whole(1, 2**24),
    "supervision.batch_size": whole(1, 2**24),
    "parameters.categories": ("at most 65,536", lambda value: not isinstance(value, int) or value <= 2**16),
    "parameters.noise_dim": ("at most 65,536", lambda value: not isinstance(value, int) or value <= 2**16),
}


def check_numbers(values: Any, name: str = "", *, least: float = -_LARGEST) -> None:
    """Checks all numbers within objects and lists.

    Args:
        values: as JSON has them.
        name: of the values; the error leads to the number with dots, "parameters.gamma".
        least: the smallest number that is accepted.

    Raises:
        ValueError: for NaN, or a number that is less or does not fit into float32.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            check_numbers(value, f"{name}.{key}" if name else str(key), least=least)
    elif isinstance(values, Sequence) and not isinstance(values, str):
        for value in values:
            check_numbers(value, name, least=least)
    elif name in _WITHIN and not _WITHIN[name][1](values):
        raise ValueError(f"Expected {name} to be {_WITHIN[name][0]}. Received: {name}={shown(values)}")
    # A comparison with NaN is false.
    elif isinstance(values, int | float) and not least <= values <= _LARGEST:
        at_least = "" if least == -_LARGEST else f" of at least {least}"
        raise ValueError(
            f"Expected {name} to be a number{at_least} that fits into float32. Received: {name}={shown(values)}"
        )


def shown(value: Any) -> str:
    """A value in an error; an integer of many digits is cut off."""
    if type(value) is int and abs(value) >= 10**20:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)
