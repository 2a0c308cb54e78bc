"""The part of a page with the metrics and the reconstruction error."""

from typing import Any

from tfvae.evaluation import evaluate
from tfvae.metrics import QUICK, in_all, score_codes
from tfvae.report.contents import Contents, Subject


def add_scores(contents: Contents, subject: Subject) -> None:
    """Adds a row for each metric, and the reconstruction error where the model has a likelihood."""
    for name in in_all():
        try:
            result = score_codes(subject.codes, name, subject.seed, QUICK if subject.quick else None)[name]
        except ValueError as error:
            # One metric that these data do not allow, such as too few images, leaves the page its others.
            contents.skip(name, f"of an error: {error}")
            continue
        if result["score"] is None:
            contents.skip(name, result["skipped"])
        else:
            contents.scores.append(_row(name, result))
    images = 2_000 if subject.quick else 10_000
    found = evaluate(subject.codes, subject.codes.data, metrics=[], seed=subject.seed, num_images=images)
    if "reconstruction" in found:
        of = f"-E log p(x|z), {found['images']:,} images"
        contents.numbers.append({"name": "reconstruction error", "of": of, **found["reconstruction"]})
    else:
        contents.skip("reconstruction error", "the likelihood p(x|z) is not known")


def _row(name: str, result: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in result.items() if key not in ("score", "standard_error")}
    further = ", ".join(
        f"{key.replace('_', ' ')} {value:.4g}" for key, value in rest.items() if isinstance(value, int | float)
    )
    return {"name": name, "score": result["score"], "standard_error": result["standard_error"], "further": further}
