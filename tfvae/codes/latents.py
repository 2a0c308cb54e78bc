"""What each latent carries, and the rules by which a latent counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy.special import logsumexp, xlogy

INFORMATION = 0.02  # nats: a latent that carries no more is inactive by the default rule, see `ActiveRule`
# Each rule's threshold: nats, nats, a standard deviation, and none.
THRESHOLDS: dict[str, float | None] = {"information": INFORMATION, "kl": 0.01, "spread": 0.05, "all": None}


def latent_kl(outputs: Mapping[str, Any]) -> np.ndarray | None:
    """KL of each latent from the standard normal prior, averaged over images.

        KL_j = (1/N) sum_i KL(q(z_j|x_i) || p(z_j)) = (1/N) sum_i 0.5 (mu_ij^2 + s_ij^2 - log s_ij^2 - 1)

    For a category, whose prior is uniform, it is (1/N) sum_i (log C + sum_c q(c|x_i) log q(c|x_i)).

    Args:
        outputs: of an encoder, by name: "mean" and, if it has them, "log_variance" [N, D] and "probabilities" [N, C].

    Returns:
        float64 [D (+ 1)], in nats; None without log variances.

    Examples:
        >>> mean = np.array([[-1.0, 3.0], [1.0, 3.0]])
        >>> tfvae.codes.latent_kl({"mean": mean, "log_variance": np.zeros([2, 2])})
        array([0.5, 4.5])
    """
    if outputs.get("log_variance") is None:
        return None
    mean, log_variance = (np.asarray(outputs[name], np.float64) for name in ("mean", "log_variance"))
    # exp(l) - l - 1 cancels near l = 0, where collapsed latents are; expm1 keeps their small KL exact.
    kl = np.mean(0.5 * (mean**2 + np.expm1(log_variance) - log_variance), axis=0)
    p = _probabilities(outputs)
    return kl if p is None else np.append(kl, np.log(p.shape[1]) + np.mean(xlogy(p, p).sum(axis=1)))


def latent_information(outputs: Mapping[str, Any]) -> np.ndarray | None:
    """What each latent carries: an upper bound of the mutual information of the image and a draw of the latent.

        I_j = 0.5 (log(Var mu_j + E s_j^2) - E log s_j^2) = E KL(q(z_j|x) || N(m_j, S_j)) >= I(x; z_j)

    where N(m_j, S_j) has the mean and variance of the aggregate posterior q(z_j), and averages are over the images. The
    gap is KL(q(z_j) || N(m_j, S_j)): none where q(z_j) is normal. The KL from the prior is the sum of I_j and of the KL
    of N(m_j, S_j) from the prior. A latent at N(3, 0.1^2) for every image has a KL of 6.3 nats but carries nothing: I_j
    does not change if a latent is shifted or scaled. For a category it is I(x; c) = H(mean q(c|x)) - mean H(q(c|x)).

    Args:
        outputs: as for `latent_kl`.

    Returns:
        float64 [D (+ 1)], in nats; None without log variances.

    Examples:
        >>> mean = np.array([[-1.0, 3.0], [1.0, 3.0]])  # the second latent is the same for both images
        >>> outputs = {"mean": mean, "log_variance": np.log(np.full([2, 2], 0.01))}
        >>> tfvae.codes.latent_information(outputs).round(2) + 0.0
        array([2.31, 0.  ])
    """
    if outputs.get("log_variance") is None:
        return None
    mean, log_variance = (np.asarray(outputs[name], np.float64) for name in ("mean", "log_variance"))
    with np.errstate(divide="ignore"):
        log_variance_of_means = np.log(mean.var(axis=0))
    log_mean_variance = logsumexp(log_variance, axis=0) - np.log(len(log_variance))
    total = np.logaddexp(log_variance_of_means, log_mean_variance)
    # Rounding may leave -1e-16 of a latent that carries nothing.
    information = np.maximum(0.5 * (total - log_variance.mean(axis=0)), 0)
    p = _probabilities(outputs)
    if p is None:
        return information
    average = p.mean(axis=0)
    return np.append(information, np.mean(xlogy(p, p).sum(axis=1)) - xlogy(average, average).sum())


def latent_moments(outputs: Mapping[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each latent's aggregate posterior, q(z_j) = (1/N) sum_i q(z_j|x_i).

        m_j = (1/N) sum_i mu_ij        S_j = Var mu_j + (1/N) sum_i s_ij^2

    A latent that is a deterministic function of the image, without log variances, has the variance of its means.

    Args:
        outputs: as for `latent_kl`; categories have no moments.

    Returns:
        The means m and the standard deviations sqrt(S), float64 [D] each.

    Examples:
        >>> mean = np.array([[-1.0, 3.0], [1.0, 3.0]])
        >>> tfvae.codes.latent_moments({"mean": mean, "log_variance": np.log([[3.0, 0.25], [3.0, 0.25]])})
        (array([0., 3.]), array([2. , 0.5]))
    """
    mean = np.asarray(outputs["mean"], np.float64)
    variance = mean.var(axis=0)
    if outputs.get("log_variance") is not None:
        variance = variance + np.exp(np.asarray(outputs["log_variance"], np.float64)).mean(axis=0)
    return mean.mean(axis=0), np.sqrt(variance)


@dataclass(frozen=True)
class ActiveRule:
    """A rule by which a latent counts: it is active. Metrics leave out the others.

    - "information" (the default): it carries more than 0.02 nats, by `latent_information`. By Pinsker's inequality,
      the total variation between q(z_j|x) and q(z_j) is at most sqrt(0.02 / 2) = 0.1 on average for any latent that is
      left out: no question about the image is answered from a draw of it more than 10 percentage points better than
      without it.
    - "kl": its KL from the prior is more than 0.01 nats (Kim & Mnih, 2018: "collapsed to the prior"). A latent that is
      the same for every image but lies apart from the prior counts.
    - "spread": its means have a standard deviation of at least 0.05, as in disentanglement_lib's configuration of the
      FactorVAE metric. It depends on the scale of a latent.
    - "all": all that vary.

    By any rule, a latent whose means do not vary by more than rounding does not count. Codes without log variances have
    no "information" and no "kl": all of their latents that vary count.

    Args:
        name: of the rule.
        threshold: float; a latent counts if it exceeds this ("spread": if it reaches it). None for "all".

    Examples:
        >>> tfvae.codes.ActiveRule("kl", 0.5)
        ActiveRule(name='kl', threshold=0.5)
        >>> tfvae.codes.ActiveRule.of("information:0.05").threshold
        0.05
    """

    name: str = "information"
    threshold: float | None = INFORMATION

    @classmethod
    def of(cls, rule: str | Self) -> Self:
        """The rule that a text names, such as "spread", or "information:0.05" for another threshold.

        Raises:
            ValueError: if it names none, or the threshold is not a number >= 0.
        """
        if isinstance(rule, cls):
            return rule
        name, colon, number = str(rule).partition(":")
        try:
            threshold = float(number) if colon else THRESHOLDS[name]
            if threshold is not None and not (0 <= threshold < np.inf and THRESHOLDS[name] is not None):
                raise ValueError
        except (KeyError, ValueError):
            rules = ", ".join(f"{name}:{value}" for name, value in THRESHOLDS.items() if value is not None)
            raise ValueError(
                f"Expected a rule for active latents: {rules}, the same without a threshold, or all. Received: {rule!r}"
            ) from None
        return cls(name, threshold)

    def __str__(self) -> str:
        return self.name if self.threshold is None else f"{self.name}:{self.threshold:g}"

    def active(self, outputs: Mapping[str, Any], offset: np.ndarray | float = 0.0) -> np.ndarray:
        """Which latents count, bool [D (+ 1)], by the outputs of an encoder as for `latent_kl`.

        Args:
            outputs: by name. Means may be centred, so that float32 keeps how they vary.
            offset: float64 [D], what was subtracted from the means.
        """
        means = columns(outputs)
        # More than float32's rounding.
        varying = np.ptp(means, axis=0) > 4 * np.finfo(np.float32).eps * np.abs(means).max(axis=0)
        if self.name == "spread":
            return varying & (means.std(axis=0) >= self.threshold)
        amount = None
        if self.name == "information":
            amount = latent_information(outputs)
        elif self.name == "kl":
            amount = latent_kl({**outputs, "mean": np.asarray(outputs["mean"], np.float64) + offset})
        return varying if amount is None else varying & (amount > self.threshold)


def columns(outputs: Mapping[str, Any]) -> np.ndarray:
    """The latents of an encoder's outputs, float64 [N, D (+ 1)]: means, then the number of the likeliest category."""
    mean, p = np.asarray(outputs["mean"], np.float64), _probabilities(outputs)
    return mean if p is None else np.column_stack([mean, p.argmax(axis=1)])


def _probabilities(outputs: Mapping[str, Any]) -> np.ndarray | None:
    p = outputs.get("probabilities")
    return None if p is None else np.asarray(p, np.float64)
