"""Where an exported network comes from: assets.extra/provenance.json in its SavedModel."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from tfvae.experiment import Experiment

_DISTRIBUTIONS = ("tfvae", "tensorflow", "keras", "numpy")


@dataclass(frozen=True)
class Provenance:
    """What is known of how a model came to be. What is not known is None, and null in the file.

    Args:
        experiment: what was run.
        scores: what the model reached, as `tfvae.evaluate` returns it.
        data_digest: identifies the training data: the `digest` of a data set.
    """

    experiment: Experiment | None = None
    scores: Mapping[str, Any] | None = None
    data_digest: str | None = None

    def to_json(self, model: str, network: str) -> str:
        """The file's content, with the versions of what wrote it. It holds no time and no path.

        Args:
            model: the model's class.
            network: "encoder" or "decoder".
        """
        content = {
            "model": model,
            "network": network,
            "experiment": None if self.experiment is None else dataclasses.asdict(self.experiment),
            "data_digest": self.data_digest,
            "scores": None if self.scores is None else dict(self.scores),
            "versions": {name: version(name) for name in _DISTRIBUTIONS},
        }
        return json.dumps(content, indent=1) + "\n"
