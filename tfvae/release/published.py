"""Scores that papers have published, to read beside those of the zoo."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

Score = tuple[float, float | None]


@dataclass(frozen=True)
class Published:
    """What a paper reports of a method on a data set.

    Args:
        data: the data set, as `tfvae.data.load` names it.
        method: the method's name in the paper.
        source: a key of `SOURCES`.
        scores: by the name of the metric, the mean over training seeds, and their standard deviation where it is given.
        model: the name in `tfvae.models.MODELS` of the same method; None if tfvae does not have it.
    """

    data: str
    method: str
    source: str
    scores: Mapping[str, Score]
    model: str | None = None


SOURCES = {
    "Kim & Mnih": "Kim & Mnih (2018), arXiv:1802.05983: ten seeds, 300,000 steps, the best gamma.",
    "CFASL": (
        "Jung et al. (2024), CFASL, TMLR, openreview.net/forum?id=mDGvrH7lju, the tables of github.com/GIST-IRR/CFASL: "
        "ten seeds, 300,000 steps on dSprites, 500,000 with six latents on 3D Shapes, the best of several weights."
    ),
    "EncDiff": "Yang et al. (2024), EncDiff, NeurIPS, arXiv:2402.09712, Table 1, also for methods of others.",
    "Nelson": (
        "Nelson et al. (2026), ICLR, arXiv:2603.11970, which takes all but AE + ICA from Hsu et al. (2023), "
        "arXiv:2305.18378."
    ),
    "Bayes-QLAE": "A Bayesian Nonparametric Framework (2026), ICLR, openreview.net/forum?id=GVOLiaENgU: five seeds.",
}


def _infomec(modularity: float, explicitness: float, compactness: float) -> dict[str, Score]:
    return {"infom": (modularity, None), "infoe": (explicitness, None), "infoc": (compactness, None)}


def _scores(factor_vae: Score | None = None, mig: Score | None = None, dci: Score | None = None) -> dict[str, Score]:
    scores = {"factor_vae": factor_vae, "mig": mig, "dci": dci}
    return {name: score for name, score in scores.items() if score is not None}


PUBLISHED = (
    Published("dsprites", "beta-VAE", "CFASL", _scores((0.735, 0.065), (0.132, 0.045), (0.215, 0.063)), "beta_vae"),
    Published(
        "dsprites", "beta-TCVAE", "CFASL", _scores((0.792, 0.059), (0.240, 0.101), (0.353, 0.091)), "beta_tc_vae"
    ),
    Published("dsprites", "FactorVAE", "Kim & Mnih", _scores((0.82, None)), "factor_vae"),
    Published("dsprites", "Control-VAE", "CFASL", _scores((0.696, 0.077), (0.059, 0.028), (0.124, 0.050))),
    Published("dsprites", "CLG-VAE", "CFASL", _scores((0.823, 0.056), (0.230, 0.061), (0.312, 0.053))),
    Published("dsprites", "CFASL", "CFASL", _scores((0.823, 0.056), (0.336, 0.082), (0.465, 0.062))),
    Published("shapes3d", "beta-VAE", "CFASL", _scores((0.795, 0.070), (0.520, 0.139), (0.637, 0.079)), "beta_vae"),
    Published("shapes3d", "beta-VAE", "Nelson", _infomec(0.59, 0.99, 0.49), "beta_vae"),
    Published(
        "shapes3d", "beta-TCVAE", "CFASL", _scores((0.786, 0.030), (0.617, 0.009), (0.665, 0.011)), "beta_tc_vae"
    ),
    Published("shapes3d", "beta-TCVAE", "EncDiff", _scores((0.873, 0.074), dci=(0.613, 0.114)), "beta_tc_vae"),
    Published("shapes3d", "beta-TCVAE", "Nelson", _infomec(0.61, 0.82, 0.62), "beta_tc_vae"),
    Published("shapes3d", "FactorVAE", "EncDiff", _scores((0.840, 0.066), dci=(0.611, 0.082)), "factor_vae"),
    Published("shapes3d", "autoencoder", "Nelson", _infomec(0.34, 0.99, 0.16)),
    Published("shapes3d", "autoencoder + ICA", "Nelson", _infomec(0.79, 0.99, 0.52)),
    Published("shapes3d", "QLAE", "Bayes-QLAE", _scores(dci=(0.79, None)) | _infomec(0.84, 0.97, 0.49), "qlae"),
    Published("shapes3d", "Tripod", "Bayes-QLAE", _scores(dci=(0.80, None)) | _infomec(0.91, 0.96, 0.58)),
    Published("shapes3d", "Bayes-QLAE", "Bayes-QLAE", _scores(dci=(0.84, None)) | _infomec(0.91, 0.95, 0.61)),
    Published("shapes3d", "DisCo (GAN)", "EncDiff", _scores((0.877, None), dci=(0.708, None))),
    Published("shapes3d", "DisDiff (diffusion)", "EncDiff", _scores((0.902, None), dci=(0.723, None))),
    Published("shapes3d", "EncDiff (diffusion)", "EncDiff", _scores((0.999, 0.000), dci=(0.969, 0.030))),
)


def published(data: str, model: str) -> Iterator[Published]:
    """What has been published of a model on a data set, by their names."""
    return (row for row in PUBLISHED if (row.data, row.model) == (data, model))


def shown(score: Score) -> str:
    """A score as text: "0.82 (sd 0.06)"."""
    mean, deviation = score
    digits = f"{mean:.3f}" if round(mean, 2) != mean or deviation is not None else f"{mean:.2f}"
    return digits if deviation is None else f"{digits} (sd {deviation:.3f})"
