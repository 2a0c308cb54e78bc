"""What the parts of a page share: what the page is about, and what it shows."""

from dataclasses import dataclass, field
from typing import Any

from tfvae.codes import Codes
from tfvae.codes.capabilities import Capabilities
from tfvae.loading import Trained


@dataclass(frozen=True)
class Subject:
    """The model and the data that a page is about.

    Args:
        trained: the model.
        capabilities: what it can do.
        codes: those of the data; all parts look them up here, so that each image is encoded once.
        quick: whether to measure with few images and draws.
        seed: int >= 0, decides all draws.
    """

    trained: Trained
    capabilities: Capabilities
    codes: Codes
    quick: bool
    seed: int


@dataclass
class Contents:
    """What a page shows. Each part adds its own; assets/page.html reads the attributes by name.

    Args:
        title: what the page calls the model.
        facts: names and values at the top.
        scores: rows of the table of metrics: "name", "score", "standard_error" and "further".
        numbers: rows of the table of nats: "name", "nats", "standard_error" and "of".
        figures: "id", "title", "caption", and the figure as "svg" or "image".
        traversal: the rows of the traversals.
        ends: the rows of the images at both ends of each latent.
        nearest: the rows of images and those with the nearest codes.
        explorer: the sliders and the decoder that they run.
        skipped: what the page leaves out, with the reason.
    """

    title: str
    facts: list[tuple[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    numbers: list[dict[str, Any]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    traversal: list[dict[str, Any]] = field(default_factory=list)
    ends: list[dict[str, Any]] = field(default_factory=list)
    nearest: list[dict[str, Any]] = field(default_factory=list)
    explorer: dict[str, Any] | None = None
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def skip(self, what: str, why: str) -> None:
        """Notes that the page leaves something out; `why` completes "skipped, because ..."."""
        self.skipped.append((what, why))

    def skipped_by_reason(self) -> list[tuple[str, str]]:
        """What is left out, joined by commas, and why: one line for each reason."""
        reasons = dict.fromkeys(why for _, why in self.skipped)
        return [(", ".join(what for what, other in self.skipped if other == why), why) for why in reasons]
