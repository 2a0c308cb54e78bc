"""What a run is: a frozen dataclass that is a JSON file."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tfvae.files.atomic import written_whole
from tfvae.files.rules import RULES, check_numbers, shown
from tfvae.files.state import read_object

_OPTIONAL = ("architecture", "batch_size", "start_from")  # the first two until they are completed


@dataclass(frozen=True)
class Experiment:
    """One training run. `Experiment("factor_vae")` is complete: the rest has defaults.

    The defaults here are those that all models share. What depends on the model has the model's own default, which
    `tfvae.models.build.completed` fills in: its published values for 2D Shapes.

    Args:
        model: a name in `tfvae.models.MODELS`.
        parameters: arguments of the model's constructor, such as {"gamma": 35.0}; the others keep the model's defaults.
        data: a data set's name, as `tfvae.data.load` takes it.
        architecture: a name in the model's `architectures`; None for the model's default.
        latent_dim: D.
        discriminator: depth and units of the discriminator, for a model whose discriminator sees codes.
        optimizers: for each optimizer that the model's `compile` takes, all arguments of Adam, which is AdamW with a
            "weight_decay"; one that is not named is the model's default.
        batch_size: images, or pairs of them, per step, over all replicas; None for the model's default. FactorVAE
            splits them into two batches: 128 is the paper's 64.
        steps: training steps.
        log_every: steps between two log entries, each the mean over those steps.
        checkpoint_every: steps between two checkpoints, a multiple of `log_every`.
        seed: decides initial weights, order of the data, and noise.
        precision: a Keras dtype policy: "float32", "mixed_bfloat16" or "mixed_float16".
        jit_compile: whether XLA compiles the step; for one device.
        start_from: whose weights the training starts with: a zoo entry, a run's folder or a .keras file; None for new
            weights.
        supervision: {} for none; else the number of "labels", whose images are drawn from the data by the seed, and if
            wanted the "weight", the "loss" and the "batch_size", all as in `Model.supervise`.

    Raises:
        ValueError: when a value is out of its range.

    Examples:
        >>> tfvae.Experiment("factor_vae", parameters={"gamma": 10.0}, steps=20_000).data
        'dsprites'
    """

    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    data: str = "dsprites"
    architecture: str = None  # type: ignore[assignment]  # until it is completed
    latent_dim: int = 10
    discriminator: Mapping[str, int] = field(default_factory=dict)
    optimizers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    batch_size: int = None  # type: ignore[assignment]  # until it is completed
    steps: int = 300_000
    log_every: int = 100
    checkpoint_every: int = 1000
    seed: int = 0
    precision: str = "float32"
    jit_compile: bool = False
    start_from: str | None = None
    supervision: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, (expected, accepts) in RULES.items():
            value = getattr(self, name)
            if not accepts(value) and not (name in _OPTIONAL and value is None):
                raise ValueError(f"Expected {name} to be {expected}. Received: {name}={shown(value)}")
        if not all(isinstance(arguments, Mapping) for arguments in self.optimizers.values()):
            raise ValueError(
                "Expected optimizers to be an object of objects, such as {'optimizer': {'learning_rate': 0.0001}}. "
                f"Received: optimizers={self.optimizers!r}"
            )
        keys = {"labels", "weight", "loss", "batch_size"}
        if self.supervision and not {"labels"} <= set(self.supervision) <= keys:
            raise ValueError(
                f"Expected supervision to have 'labels', and no keys but {sorted(keys)}. "
                f"Received: supervision={dict(self.supervision)}"
            )
        check_numbers({"parameters": self.parameters, "discriminator": self.discriminator})
        check_numbers({"supervision": self.supervision}, least=0)
        check_numbers({"optimizers": self.optimizers}, least=0)
        if self.checkpoint_every % self.log_every:
            raise ValueError(
                "Expected checkpoint_every to be a multiple of log_every. "
                f"Received: checkpoint_every={self.checkpoint_every}, log_every={self.log_every}"
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Experiment":
        """Reads keys and values; absent keys have their defaults.

        Raises:
            ValueError: for an unknown key, or without the key "model".
        """
        known = [f.name for f in dataclasses.fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise ValueError(f"Expected experiment keys among {known}. Received: {unknown}")
        if "model" not in values:
            raise ValueError(f"Expected an experiment with the key 'model'. Received: {sorted(values)}")
        return cls(**values)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Experiment":
        """Reads a JSON file.

        Raises:
            FileNotFoundError: when there is no such file.
            ValueError: when it is not a JSON object, lacks the model, or has an unknown key or a value out of range.
        """
        values = read_object(path, "an experiment")
        try:
            return cls.from_dict(values)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None

    def differences(self, other: "Experiment") -> list[str]:
        """The keys in which another experiment computes something else: not how long it trains, or what it writes.

        It compares plain values, so both should be completed (`tfvae.models.build.completed`).
        """
        may_change = ("steps", "log_every", "checkpoint_every")
        return [
            field.name
            for field in dataclasses.fields(self)
            if field.name not in may_change and getattr(self, field.name) != getattr(other, field.name)
        ]

    def save(self, path: str | os.PathLike) -> None:
        """Writes a JSON file, whole or not at all."""
        with written_whole(path) as beside:
            beside.write_text(json.dumps(dataclasses.asdict(self), indent=2) + "\n")
