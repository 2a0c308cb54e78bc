"""Analyses as metrics: importing this module adds them to `tfvae.METRICS`, for evaluations and studies by name.

    tfvae evaluate --model=factor_vae-dsprites --metrics=true_total_correlation --import=tfvae.analysis.as_metrics

A study names the module under "import". They are not metrics by default: they need codes with a posterior.

`true_total_correlation_at_10_percent` and `true_total_correlation_at_20_percent` are the same score with a `resolution`
of 0.1 and of 0.2, so that a study can have all three.
"""

from typing import Any

import numpy as np

from tfvae.analysis.total_correlation import total_correlation
from tfvae.codes.codes import Codes
from tfvae.metrics.registry import register_metric


@register_metric("true_total_correlation", needs_factors=False, lower_is_better=True, quick={"samples": 100})
def true_total_correlation(
    codes: Codes,
    rng: np.random.Generator,
    *,
    samples: int = 500,
    components: int | None = None,
    resolution: float = 0.0,
) -> dict[str, Any]:
    """TC(z) over all encodings of the data, in nats (Kim & Mnih, 2018, Figure 7, left): lower is better.

    The metric "total_correlation" is that of a Gaussian with the covariance of the means.

    Args:
        codes: codes with a posterior.
        rng: source of all randomness.
        samples: as in `analysis.total_correlation.kl_decomposition`, which also states the bias.
        components: the same.
        resolution: the same.

    Returns:
        "score" and "standard_error", that of the draws of z.

    Raises:
        ValueError: if a number is out of range, or the codes have no posterior.

    Examples:
        >>> import tfvae.analysis.as_metrics
        >>> rng = np.random.default_rng(0)
        >>> means, narrow = rng.normal(size=[200, 2]), np.full([200, 2], -4.0)
        >>> result = tfvae.metrics.score(means, log_variance=narrow, metrics="true_total_correlation")
        >>> result["true_total_correlation"]["score"] > 0
        True
    """
    found = total_correlation(codes, rng, samples=samples, components=components, resolution=resolution)
    return {"score": found["total_correlation"], "standard_error": found["standard_error"]}


def _at(percent: int) -> None:
    @register_metric(
        f"true_total_correlation_at_{percent}_percent",
        needs_factors=False,
        lower_is_better=True,
        quick={"samples": 100},
    )
    def at_resolution(
        codes: Codes, rng: np.random.Generator, *, samples: int = 500, components: int | None = None
    ) -> dict[str, Any]:
        return true_total_correlation(codes, rng, samples=samples, components=components, resolution=percent / 100)


for _percent in (10, 20):
    _at(_percent)
