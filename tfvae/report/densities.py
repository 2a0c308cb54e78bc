"""The part of a page about q(z): the decomposition of the KL, the marginals and the batch estimate of TC."""

import numpy as np

from tfvae.analysis.aggregate_posterior import Marginals, marginals
from tfvae.analysis.batch_total_correlation import batch_total_correlation
from tfvae.analysis.total_correlation import kl_decomposition
from tfvae.codes import Codes
from tfvae.plots.axes import svg
from tfvae.plots.batch_total_correlation import plot_batch_total_correlation
from tfvae.plots.marginals import plot_marginals
from tfvae.report.contents import Contents, Subject

# Bias of each part when q(z) is estimated from some of the images.
_PARTS = (
    ("mutual_information", "I(x; z)", "too large"),
    ("total_correlation", "total correlation of q(z)", "too small"),
    ("dimension_wise_kl", "sum of KL(q(z_j) || p(z_j))", "slightly too small"),
)


def no_density(codes: Codes) -> str | None:
    """Why q(z) has no Gaussian mixture as its density; None where it has one."""
    if codes.discrete:
        return "one of the latents is a category"
    return None if codes.has_posterior else "the codes have no posterior"


def add_densities(contents: Contents, subject: Subject) -> Marginals | None:
    """Adds what is known of q(z), and returns its marginals; None where q(z) has no density."""
    if (why := no_density(subject.codes)) is not None:
        contents.skip("total correlation and marginals", why)
        return None
    rng = np.random.default_rng([subject.seed, 1])
    _add_decomposition(contents, subject, rng)
    found = marginals(subject.codes, rng, images=5_000 if subject.quick else 10_000)
    contents.figures.append(
        {
            "id": "marginals",
            "title": "Marginals of q(z)",
            "svg": svg(plot_marginals(found), "marginals"),
            "caption": "Each latent's distribution over the data, with the prior's density (Figure 40 of the paper). "
            "Sorted by what they carry.",
        }
    )
    _add_batch_estimate(contents, subject, rng)
    return found


def _add_decomposition(contents: Contents, subject: Subject, rng: np.random.Generator) -> None:
    quick, size = subject.quick, len(subject.codes.data)
    # All components need all images encoded; beyond a million that takes hours.
    components = 20_000 if quick else (None if size <= 1_000_000 else 200_000)
    parts = kl_decomposition(subject.codes, rng, samples=500 if quick else 1_000, components=components)
    whole = parts["components"] == size
    used = f"all {size:,} components" if whole else f"{parts['components']:,} of {size:,} components"
    of = f"{parts['samples']:,} draws, {used}"
    contents.numbers.append(
        {"name": "KL(q(z|x) || p(z))", "nats": parts["kl_closed_form"], "standard_error": None, "of": "closed form"}
    )
    for key, name, bias in _PARTS:
        contents.numbers.append({"name": name, "of": of if whole else f"{of}, so {bias}", **parts[key]})


def _add_batch_estimate(contents: Contents, subject: Subject, rng: np.random.Generator) -> None:
    codes = subject.codes
    batch = min(2_000 if subject.quick else 10_000, len(codes.data))
    estimates = {
        "z from the data": batch_total_correlation(codes, rng, batch=batch, samples=batch),
        "z from the batch": batch_total_correlation(codes, rng, batch=batch, samples=batch, from_batch=True),
    }
    contents.figures.append(
        {
            "id": "batch-tc",
            "title": "Batch estimate of TC",
            "svg": svg(plot_batch_total_correlation(estimates), "batch-tc"),
            "caption": f"Densities estimated from a batch of {batch:,} encodings (Appendix D and Figure 18 of the "
            "paper). TC is never negative: where the estimate is, the batch is too small to show TC.",
        }
    )
