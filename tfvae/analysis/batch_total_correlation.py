"""The estimate of TC from a batch of encodings, which the paper tried and rejected."""

from dataclasses import dataclass

import numpy as np

from tfvae.analysis.mixture import mixture_log_density, posteriors, sampled
from tfvae.codes.codes import Codes


@dataclass(frozen=True)
class BatchEstimate:
    """The terms of a batch estimate of TC, for the histograms of Figure 18.

    Args:
        log_q: float64 [H], log qhat(z_h), in nats.
        log_product: float64 [H], sum_j log qhat(z_hj), in nats.
    """

    log_q: np.ndarray
    log_product: np.ndarray

    @property
    def total_correlation(self) -> float:
        """The estimate of TC, in nats; often negative, although TC is not."""
        return float(np.mean(self.log_q - self.log_product))

    @property
    def standard_error(self) -> float:
        """The standard error of the estimate over H draws, for the given batch."""
        return float(np.std(self.log_q - self.log_product, ddof=1) / np.sqrt(len(self.log_q)))


def batch_total_correlation(
    codes: Codes,
    rng: np.random.Generator,
    *,
    batch: int = 10_000,
    samples: int = 10_000,
    from_batch: bool = False,
) -> BatchEstimate:
    """TC estimated with the density of a batch B of encodings (Kim & Mnih, 2018, Appendix D).

    qhat(z) = (1/|B|) sum_{i in B} q(z|x_i),    TC ~ (1/H) sum_h [ log qhat(z_h) - sum_j log qhat(z_hj) ]

    It fails for z ~ q(z) from outside the batch: no component of the batch is near z in all latents at once, so
    log qhat(z) falls far below log q(z), while the marginals overlap and stay right (Figure 18). For z from the batch,
    the error has the opposite sign, since each z has a component of its own. `analysis.total_correlation` uses the
    components of all images; the metric "total_correlation" is that of a Gaussian fitted to the means.

    Args:
        codes: codes with a posterior. Encodes batch + samples images, or only the batch.
        rng: source of all randomness.
        batch: int >= 1, the number of images whose encodings make qhat (|B|), at most all images of the data.
        samples: int >= 2, the number of draws of z (H).
        from_batch: bool, whether z comes from the batch's own images, "the fix" of Appendix D.

    Returns:
        The terms of the estimate.

    Raises:
        ValueError: if a number is out of range, or the codes have no posterior.

    Examples:
        >>> from tfvae.analysis.batch_total_correlation import batch_total_correlation
        >>> data = tfvae.data.load("dsprites")
        >>> codes = tfvae.codes.Codes(tfvae.zoo.load_encoder("vae-dsprites"), data)
        >>> estimate = batch_total_correlation(codes, np.random.default_rng(0), batch=16, samples=8)
        >>> estimate.log_q.shape
        (8,)
    """
    size = len(codes.data)
    if not 1 <= batch <= size or samples < 2:
        raise ValueError(
            f"Expected 1 <= batch <= {size}, the number of images, and samples >= 2. "
            f"Received: batch={batch}, samples={samples}"
        )
    chosen = rng.choice(size, batch, replace=False)
    source = rng.choice(chosen, samples) if from_batch else rng.integers(size, size=samples)
    mean, log_variance = posteriors(codes, chosen)
    z = sampled(*posteriors(codes, source), rng)
    log_q, log_marginals = mixture_log_density(z, mean, log_variance)
    return BatchEstimate(log_q, log_marginals.sum(axis=1))
