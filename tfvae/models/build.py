"""From an experiment, or a name, to a compiled model; what is left out is the class's own default."""

import dataclasses
import inspect
import logging
from collections.abc import Callable, Mapping, Set
from typing import Any

from tfvae.experiment import Experiment
from tfvae.models.base import Model
from tfvae.models.registry import MODELS
from tfvae.networks.optimizers import Adam

_LOG = logging.getLogger(__name__)
_MODEL_KEYS = ("architecture", "latent_dim", "discriminator", "optimizers", "seed", "precision", "jit_compile")
# Experiments of all models used to have this key, with these sizes by default.
_UNUSED_DISCRIMINATOR = {"depth": 6, "units": 1000}


def create(name: str, image_shape: tuple[int, ...], **changes: Any) -> Model:
    """A model by name with new weights, compiled: the same that an experiment with these values builds.

    >>> model = tfvae.create("factor_vae", (64, 64, 1), gamma=10.0, latent_dim=6, seed=1)

    Args:
        name: one of `tfvae.models.MODELS`.
        image_shape: (H, W, C).
        changes: what differs from the class's defaults: keys of `tfvae.Experiment` that shape a model (architecture,
            latent_dim, discriminator, optimizers, seed, precision, jit_compile, parameters), or parameters of the
            constructor by their own names.

    Raises:
        ValueError: for an unknown name or change, or a value out of its range.
    """
    known = _accepted(_class(name))
    if unknown := sorted(set(changes) - known - {*_MODEL_KEYS, "parameters"}):
        raise ValueError(
            f"Expected keys of an experiment, out of {[*_MODEL_KEYS, 'parameters']}, or parameters of "
            f"{_class(name).__name__}, out of {sorted(known)}. Received: {unknown}"
        )
    own = {key: value for key, value in changes.items() if key in known}
    values = {key: value for key, value in changes.items() if key not in known}
    values["parameters"] = {**values.get("parameters", {}), **own}
    return build_model(Experiment(name, **values), image_shape)


def build_model(experiment: Experiment, image_shape: tuple[int, ...]) -> Model:
    """The experiment's model with new weights, compiled.

    Args:
        experiment: what to build; what it leaves out is as in `completed`.
        image_shape: (H, W, C).

    Raises:
        ValueError: as `completed`, or when a value is out of its range or does not fit the images.

    Examples:
        >>> tfvae.models.build_model(tfvae.Experiment("vae", latent_dim=4), (64, 64, 1)).latent_dim
        4
    """
    experiment = completed(experiment)
    cls = _class(experiment.model)
    try:
        parts = cls.build_networks(experiment, image_shape)
        optimizers = {name: Adam(**arguments) for name, arguments in experiment.optimizers.items()}
        model = cls(**parts, **experiment.parameters, seed=experiment.seed, dtype=experiment.precision)
        model.compile(**optimizers, jit_compile=experiment.jit_compile)
    except TypeError as error:
        raise ValueError(
            f"{cls.__name__} does not take these. Received: parameters={dict(experiment.parameters)}, "
            f"discriminator={dict(experiment.discriminator)}, optimizers={dict(experiment.optimizers)}: {error}"
        ) from error
    return model


def completed(experiment: Experiment) -> Experiment:
    """The experiment with all that it leaves out filled in by the model's class; completing it again changes nothing.

    An optimizer that is named keeps exactly the arguments that it has.

    Raises:
        ValueError: for an unknown model, or an architecture, parameters or optimizers that the class does not take.

    Examples:
        >>> tfvae.models.completed(tfvae.Experiment("factor_vae")).batch_size
        128
    """
    cls = _class(experiment.model)
    architecture = cls.default_architecture if experiment.architecture is None else experiment.architecture
    if architecture not in cls.architectures:
        raise ValueError(
            f"Expected architecture to be one of {sorted(cls.architectures)} for {cls.__name__}. "
            f"Received: {architecture!r}"
        )
    parameters = _filled("parameters", experiment.parameters, _defaults(cls), cls, _accepted(cls))
    return dataclasses.replace(
        experiment,
        parameters=parameters,
        architecture=architecture,
        discriminator=_discriminator(experiment.discriminator, cls),
        optimizers=_filled("optimizers", experiment.optimizers, cls.optimizers, cls),
        batch_size=cls.batch_size_of(parameters) if experiment.batch_size is None else experiment.batch_size,
    )


def _class(name: str) -> type[Model]:
    if name not in MODELS:
        raise ValueError(f"Expected model to be one of {sorted(MODELS)}. Received: {name!r}")
    return MODELS[name]


def _defaults(cls: type[Model]) -> dict[str, Any]:
    """The parameters that the constructor names, and their defaults."""
    return _named(cls.__init__, cls)


def _accepted(cls: type[Model]) -> set[str]:
    """All parameters that the constructor takes: with `**kwargs`, those of its parents too."""
    found: set[str] = set()
    for base in inspect.getmro(cls):
        if base is Model:
            break
        if constructor := vars(base).get("__init__"):
            found |= set(_named(constructor, cls))
            if all(each.kind is not each.VAR_KEYWORD for each in inspect.signature(constructor).parameters.values()):
                break
    return found


def _named(constructor: Callable[..., None], cls: type[Model]) -> dict[str, Any]:
    others = {"self", "seed", "name", "dtype", "trainable", *cls.networks}
    return {
        name: parameter.default
        for name, parameter in inspect.signature(constructor).parameters.items()
        if name not in others and parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    }


def _filled(
    what: str, given: Mapping[str, Any], defaults: Mapping[str, Any], cls: type[Model], accepted: Set[str] = frozenset()
) -> dict[str, Any]:
    """The defaults, replaced by what is given."""
    known = sorted({*defaults, *accepted})
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(f"Expected {what} out of {known} for {cls.__name__}. Received: {unknown}")
    filled = {**defaults, **given}
    if missing := sorted(name for name, value in filled.items() if value is inspect.Parameter.empty):
        raise ValueError(f"Expected {what} with {missing} for {cls.__name__}. Received: {dict(given)}")
    return filled


def _discriminator(given: Mapping[str, int], cls: type[Model]) -> dict[str, int]:
    if given and not cls.discriminator_sizes:
        if given != _UNUSED_DISCRIMINATOR:
            _LOG.warning("%s has no use for discriminator=%s, which is left out", cls.__name__, dict(given))
        return {}
    return _filled("discriminator", given, cls.discriminator_sizes, cls)
