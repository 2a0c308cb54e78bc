"""What a metric may cost. Work that would take far longer is refused before it begins."""

# Seconds of one core. The slowest metric of ten latents takes half of it for the 1,393 models of Rendered Chairs.
LONGEST = 600.0
# Of memory, at once.
MOST_BYTES = 2e9


class TooLargeError(ValueError):
    """The codes or factors are too large for a metric with these parameters."""


def check_cost(what: str, instead: str, *, seconds: float = 0.0, memory: float = 0.0) -> None:
    """Refuses work that would take far too long or too much memory.

    Args:
        what: the work, for the message.
        instead: what to pass so that it costs less.
        seconds: the estimated time of one core.
        memory: the estimated memory, in bytes.

    Raises:
        TooLargeError: if it would take longer than `LONGEST`, or more than `MOST_BYTES`.
    """
    if seconds > LONGEST:
        raise TooLargeError(
            f"Expected work of at most {LONGEST:.0f} s of one core. Received: {what}, about {seconds:,.0f} s; pass "
            f"{instead}, or set tfvae.metrics.limits.LONGEST to wait longer"
        )
    if memory > MOST_BYTES:
        raise TooLargeError(
            f"Expected work in at most {MOST_BYTES / 1e9:.1f} GB of memory. Received: {what}, about "
            f"{memory / 1e9:,.1f} GB; pass {instead}, or set tfvae.metrics.limits.MOST_BYTES to allow more"
        )
