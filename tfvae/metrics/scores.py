"""Scores that print as a table, and show themselves as one in a notebook."""

from collections.abc import Iterator, Mapping
from typing import Any

from tfvae.data.factor_table import summary
from tfvae.files.html import table

_Z = 1.96  # standard errors on each side of a 95% interval


class Scores(dict[str, Any]):
    """What `evaluate` and `score` return: a dict like any other, which prints as lines and shows itself as a table.

    The interval of the table is the score and 1.96 standard errors on each side. It is that of repeated draws of the
    metric, and says nothing about other training seeds.
    """

    def __repr__(self) -> str:
        return "\n".join(f"{name:>23}  {text}" for name, text in self.lines())

    def lines(self) -> Iterator[tuple[str, str]]:
        """The lines that are printed: a name and what is said of it."""
        for name, result in self._scored().items():
            ceiling = f"  (a perfect code: {result['ceiling']:.3f})" if "ceiling" in result else ""
            yield name, f"{result['score']:.3f}{_error(result)}{ceiling}"
        yield from self._rest()

    def _rest(self) -> Iterator[tuple[str, str]]:
        """The lines below the scores."""
        for reason, names in self._skipped().items():
            yield "skipped", f"{', '.join(names)}: {reason}"
        if factors := self.get("factors") or self._scored_factors():
            yield "factors", summary(factors)
        if "latents" not in self:
            return  # of `score`, which has no model
        reconstruction, kl = self.get("reconstruction"), self.get("kl")
        if reconstruction is None:
            yield "reconstruction", "skipped: the model has no likelihood"
        else:
            yield "reconstruction", f"{reconstruction['nats']:.1f} +- {reconstruction['standard_error']:.1f} nats"
        if kl is None:
            yield "KL", "skipped: the codes have no posterior"
        else:
            latents = " ".join(f"{each:.2f}" for each in sorted(kl["latents"], reverse=True))
            yield "KL", f"{kl['total']:.2f} nats = {latents}"
        yield "latents", described_latents(self["latents"])

    def _repr_html_(self) -> str:
        ceilings = any("ceiling" in result for result in self._scored().values())
        rows = []
        for name, result in self._scored().items():
            score, error, ceiling = result["score"], result.get("standard_error"), result.get("ceiling")
            interval = "" if error is None else f"{score - _Z * error:.3f} to {score + _Z * error:.3f}"
            perfect = [None if ceiling is None else f"{ceiling:.3f}"] if ceilings else []
            rows.append([name, f"{score:.3f}", interval, *perfect])
        head = ["metric", "score", "95% interval", *(["a perfect code"] if ceilings else [])]
        rest = list(self._rest())
        return (table(rows, head) if rows else "") + (table(rest) if rest else "")

    def _metrics(self) -> dict[str, Any]:
        return {name: each for name, each in self.items() if isinstance(each, Mapping) and "score" in each}

    def _scored(self) -> dict[str, Any]:
        return {name: result for name, result in self._metrics().items() if result["score"] is not None}

    def _scored_factors(self) -> dict[str, Any] | None:
        """What factors were taken for, which `score` says with each metric that needs them."""
        return next((result["factors"] for result in self._metrics().values() if "factors" in result), None)

    def _skipped(self) -> dict[str, list[str]]:
        """The names of metrics without a score, by the reason."""
        found: dict[str, list[str]] = {}
        for name, result in self._metrics().items():
            if result["score"] is None:
                found.setdefault(result["skipped"], []).append(name)
        return found


def described_latents(latents: Mapping[str, Any]) -> str:
    """What `evaluate` says of latents, in a line: which count, and what each carries, in descending order."""
    active = latents["active"]
    text = f"{sum(active)} of {len(active)} count ({latents['rule']})"
    if "information" not in latents:
        return text
    carried = " ".join(f"{nats:.3f}" for nats in sorted(latents["information"], reverse=True))
    return f"{text}; each carries at most, in nats: {carried}"


def _error(result: Mapping[str, Any]) -> str:
    return "" if result.get("standard_error") is None else f" +- {result['standard_error']:.3f}"
