"""The part of a page with the metrics and the reconstruction error."""

from collections.abc import Sequence
from typing import Any

from tfvae.evaluation import QUICK, evaluate
from tfvae.metrics import METRICS
from tfvae.report.contents import Contents, Subject


def add_scores(contents: Contents, subject: Subject) -> None:
    """Adds a row for each metric, and the reconstruction error where the model has a likelihood."""
    for name in METRICS:
        try:
            result = _evaluated(subject, [name])[name]
        except ValueError as error:
            # One metric that these data do not allow, such as too few images, leaves the page its others.
            contents.skip(name, f"of an error: {error}")
            continue
        if result["score"] is None:
            contents.skip(name, result["skipped"])
        else:
            contents.scores.append(_row(name, result))
    found = _evaluated(subject, [])
    if "reconstruction" in found:
        of = f"-E log p(x|z), {found['images']:,} images"
        contents.numbers.append({"name": "reconstruction error", "of": of, **found["reconstruction"]})
    else:
        contents.skip("reconstruction error", "the likelihood p(x|z) is not known")


def _evaluated(subject: Subject, metrics: Sequence[str]) -> dict[str, Any]:
    """Scores by metrics; without any, the reconstruction error."""
    return evaluate(
        subject.codes,
        subject.codes.data,
        metrics=metrics,
        parameters=QUICK if subject.quick else None,
        log_likelihood=None if metrics else subject.capabilities.log_likelihood,
        seed=subject.seed,
        images=2_000 if subject.quick else 10_000,
    )


def _row(name: str, result: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in result.items() if key not in ("score", "standard_error")}
    further = ", ".join(
        f"{key.replace('_', ' ')} {value:.4g}" for key, value in rest.items() if isinstance(value, int | float)
    )
    return {"name": name, "score": result["score"], "standard_error": result["standard_error"], "further": further}
