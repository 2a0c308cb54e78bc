"""The part of a page with the importance-weighted bound of log p(x)."""

from tfvae.analysis.iwae import log_marginal_likelihood
from tfvae.report.contents import Contents, Subject
from tfvae.report.densities import no_density

_NAME = "log p(x)"


def add_bound(contents: Contents, subject: Subject) -> None:
    """Adds the bound where the model can evaluate q(z|x) and p(x|z)."""
    model = subject.trained.model
    if (why := no_density(subject.codes)) is not None:
        contents.skip(_NAME, why)
    elif model is None or model.posterior is None or model.log_likelihood is None:
        contents.skip(_NAME, "the likelihood p(x|z) is not known")
    else:
        images, particles = (16, 100) if subject.quick else (100, 5_000)
        data, seed = subject.codes.data, subject.seed
        bound = log_marginal_likelihood(model, data, images=images, particles=particles, seed=seed)
        of = f"importance-weighted bound, {particles:,} particles, {bound['images']} images"
        contents.numbers.append({"name": f"{_NAME} is at least", "of": of, **bound})
