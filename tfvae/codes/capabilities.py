"""What a model can do, declared once: what metrics, figures, reports, releases and exports ask for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class Capabilities:
    """What a model can do. None stands for what it cannot.

    Args:
        represent: float32 images [B, H, W, C] in [0, 1] -> {"mean": [B, D]} and, where there are, "log_variance" [B, D]
            and "probabilities" [B, K]; or codes [B, D].
        image_shape: (H, W, C) of the images that it takes; None where that is not known.
        decode: codes, float32 [B, D] or with a categorical latent [B, D + K], and noise [B, noise_dim] where it takes
            any -> images [B, H, W, C] in [0, 1].
        log_likelihood: images [B, H, W, C] and codes [B, D] or [B, D + K] -> log p(x | z), [B], in nats.
        prior_draws: a number N and a seed -> N draws from the prior: the arguments of `decode`.
        noise_dim: how many inputs of `decode` are noise; 0 for a decoder that takes codes alone.
        traversal_range: a latent's usual values lie between minus and plus this.
        digest: identifies what `represent` computes, for the cache of codes; None for a function.
    """

    represent: Callable[..., Any]
    image_shape: tuple[int, int, int] | None = None
    decode: Callable[..., Any] | None = None
    log_likelihood: Callable[..., Any] | None = None
    prior_draws: Callable[[int, int], tuple[Any, ...]] | None = None
    noise_dim: int = 0
    traversal_range: float = 2.0
    digest: Callable[[], str] | None = None


@runtime_checkable
class Capable(Protocol):
    """What declares what it can do: models of `tfvae.models`, exported encoders, and what `tfvae.loading` loads."""

    def capabilities(self) -> Capabilities: ...


def capabilities_of(model: Any) -> Capabilities:
    """What a model can do; of a function, that it gives codes.

    Args:
        model: a model of tfvae, an exported encoder, what `tfvae.loading` loads, or any function from images to codes.

    Raises:
        TypeError: if it is none of these.
    """
    if isinstance(model, Capabilities):
        return model
    if isinstance(model, Capable):
        return model.capabilities()
    if not callable(model):
        raise TypeError(f"Expected a model, or a function from images to codes. Received: a {type(model).__name__}")
    return Capabilities(model)
