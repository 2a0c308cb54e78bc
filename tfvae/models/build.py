"""Models as experiments describe them."""

from tfvae.experiment import Experiment
from tfvae.models import MODELS
from tfvae.models.base import Model
from tfvae.networks.optimizers import Adam


def completed(experiment: Experiment) -> Experiment:
    """The experiment with every default filled in."""
    return experiment


def build_model(experiment: Experiment, image_shape: tuple[int, int, int]) -> Model:
    """The experiment's model with new weights, compiled.

    Raises:
        ValueError: for an unknown name, or parameters or optimizers that the model does not take.
    """
    if experiment.model not in MODELS:
        raise ValueError(f"Expected model to be one of {sorted(MODELS)}. Received: {experiment.model!r}")
    cls = MODELS[experiment.model]
    if unknown := sorted(set(experiment.optimizers) - set(cls.optimizers)):
        raise ValueError(f"Expected optimizers out of {sorted(cls.optimizers)} for {cls.__name__}. Received: {unknown}")
    try:
        parts = cls.build_networks(experiment, image_shape)
        optimizers = {name: Adam(**arguments) for name, arguments in experiment.optimizers.items()}
        model = cls(**parts, **experiment.parameters, seed=experiment.seed, dtype=experiment.precision)
        model.compile(**optimizers, jit_compile=experiment.jit_compile)
    except TypeError as error:
        raise ValueError(
            f"{cls.__name__} does not take these. Received: parameters={dict(experiment.parameters)}, "
            f"discriminator={dict(experiment.discriminator)}, optimizers={sorted(experiment.optimizers)}: {error}"
        ) from error
    return model
