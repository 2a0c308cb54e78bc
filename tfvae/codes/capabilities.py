"""What a model can do, declared once, for metrics, figures, reports, releases and exports."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from tfvae.data.shapes import noun


@dataclass(frozen=True)
class Capabilities:
    """What a model can do; None where it cannot.

    Args:
        represent: float32 images [B, H, W, C] in [0, 1] -> {"mean": [B, D]} with, if it has them, "log_variance" [B, D]
            and "probabilities" [B, K]; or codes [B, D].
        image_shape: (H, W, C) of its images, or (F,) of its vectors; None if it is not known.
        decode: codes, float32 [B, D] or, with a categorical latent, [B, D + K], and perhaps noise [B, noise_dim]
            -> images [B, H, W, C] in [0, 1], or vectors [B, F]. Without noise, all images have the same.
        log_likelihood: images [B, H, W, C] and codes [B, D] or [B, D + K] -> log p(x | z), [B], in nats.
        prior_draws: a number N and a seed -> N draws from the prior, as the arguments of `decode`.
        noise_dim: how many inputs of `decode` are noise; 0 for a decoder that takes only codes.
        traversal_range: a latent's usual values lie between minus and plus this, for a decoder that was trained on
            draws of a bounded prior; None where they lie where the codes of data do.
        digest: returns what identifies the function `represent`, for the cache of codes; None if nothing does.

    Examples:
        >>> able = tfvae.codes.Capabilities(lambda images: images[:, :2, 0, 0], image_shape=(16, 16, 1))
        >>> able.decode is None
        True
        >>> codes = tfvae.codes.Codes(able, tfvae.data.as_image_data(np.zeros([4, 16, 16, 1], np.float32)))
        >>> codes.means(np.arange(4)).shape
        (4, 2)
    """

    represent: Callable[..., Any]
    image_shape: tuple[int, ...] | None = None
    decode: Callable[..., Any] | None = None
    log_likelihood: Callable[..., Any] | None = None
    prior_draws: Callable[[int, int], tuple[Any, ...]] | None = None
    noise_dim: int = 0
    traversal_range: float | None = None
    digest: Callable[[], str] | None = None

    def check_shape(self, image_shape: tuple[int, ...]) -> None:
        """Checks that images (H, W, C), or vectors (F,), are those that the model takes.

        Raises:
            ValueError: if they have another shape.
        """
        expected = self.image_shape or image_shape
        # An exported encoder of another library may leave sizes open.
        if len(expected) != len(image_shape) or any(
            size not in (None, other) for size, other in zip(expected, image_shape, strict=True)
        ):
            raise ValueError(f"Expected {noun(expected)} {expected}, the model's. Received: {tuple(image_shape)}")


@runtime_checkable
class Capable(Protocol):
    """Declares what it can do: models of `tfvae.models`, exported encoders, and what `tfvae.loading` loads."""

    def capabilities(self) -> Capabilities: ...


def capabilities_of(model: Any) -> Capabilities:
    """Returns what a model can do; a function can represent images.

    Args:
        model: a model of tfvae, an exported encoder, what `tfvae.loading` loads, or a function from images to codes.

    Raises:
        TypeError: if it is none of these.

    Examples:
        >>> able = tfvae.codes.capabilities_of(tfvae.zoo.load_encoder("vae-dsprites"))
        >>> able.image_shape, able.log_likelihood is None
        ((64, 64, 1), True)
    """
    if isinstance(model, Capabilities):
        return model
    if isinstance(model, Capable):
        return model.capabilities()
    if not callable(model):
        raise TypeError(f"Expected a model, or a function from images to codes. Received: a {type(model).__name__}")
    return Capabilities(model)
