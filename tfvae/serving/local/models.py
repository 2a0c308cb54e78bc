"""The models of a local server: their versions, and the one that answers a request."""

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from tfvae.export import versions
from tfvae.serving.errors import ServingError, invalid
from tfvae.serving.local.version import Version


@dataclass
class _Model:
    available: dict[int, Version] = field(default_factory=dict)
    failed: dict[int, ServingError] = field(default_factory=dict)
    loading: int | None = None
    labels: dict[str, int] = field(default_factory=dict)


class Models:
    """Versions by model. A new version is loaded and takes requests before the one that it replaces is unloaded.

    Args:
        read_config: returns the configuration; it is called by each `poll`.
        report: gets a line of text for each version that is loaded or unloaded, or fails.
    """

    def __init__(self, read_config: Callable[[], ModelServerConfig], report: Callable[[str], None] = lambda _: None):
        self._read_config = read_config
        self._report = report
        self._models: dict[str, _Model] = {}
        self._changing = threading.Lock()

    def poll(self) -> None:
        """Loads new versions, then unloads those that are no longer configured."""
        with self._changing:
            configs = {config.name: config for config in self._read_config().model_config_list.config}
            for name, config in configs.items():
                self._update(name, config)
            gone = [name for name in self._models if name not in configs]
            for name in gone:
                del self._models[name]
                self._report(f"{name}: unloaded")
            if gone:
                gc.collect()

    def configure(self, config: ModelServerConfig) -> None:
        """Serves the models of `config` from now on.

        Raises:
            ServingError: INVALID_ARGUMENT for a configuration without a list of models.
        """
        if config.WhichOneof("config") != "model_config_list":
            raise invalid("Expected a ModelServerConfig with a model_config_list.")
        kept = ModelServerConfig.FromString(config.SerializeToString())
        self._read_config = lambda: kept
        self.poll()

    def find(self, spec: ModelSpec) -> Version:
        """The version that a request names, by default the newest."""
        if not spec.name:
            raise invalid("ModelSpec has no name specified.")
        model = self._models.get(spec.name, _Model())
        available = model.available
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            if not available:
                raise _not_found(f"Servable not found for request: Latest({spec.name})")
            return available[max(available)]
        if choice == "version_label" and spec.version_label not in model.labels:
            raise invalid(f"Unrecognized servable version label: {spec.version_label}")
        number = spec.version.value if choice == "version" else model.labels[spec.version_label]
        if number not in available:
            raise _not_found(f"Servable not found for request: Specific({spec.name}, {number})")
        return available[number]

    def status(self, spec: ModelSpec) -> dict[int, tuple[int, ServingError | None]]:
        """The state of each version, a `ModelVersionStatus.State`, with the error of one that failed to load."""
        model = self._models.get(spec.name, _Model())
        found: dict[int, tuple[int, ServingError | None]] = {}
        found |= dict.fromkeys(model.available, (ModelVersionStatus.AVAILABLE, None))
        found |= {number: (ModelVersionStatus.END, error) for number, error in model.failed.items()}
        if model.loading is not None:
            found[model.loading] = (ModelVersionStatus.LOADING, None)
        choice = spec.WhichOneof("version_choice")
        if choice is None:
            if not found:
                raise _not_found(f"Could not find any versions of model {spec.name}")
            return dict(sorted(found.items()))
        number = spec.version.value if choice == "version" else model.labels.get(spec.version_label, 0)
        if number not in found:
            raise _not_found(f"Could not find version {number} of model {spec.name}")
        return {number: found[number]}

    def names(self) -> list[str]:
        return sorted(name for name, model in self._models.items() if model.available)

    def _update(self, name: str, config: ModelConfig) -> None:
        model = self._models.setdefault(name, _Model())
        wanted = _wanted(config)
        for number in wanted:
            if number not in model.available and number not in model.failed:
                self._load(name, model, Path(config.base_path, str(number)))
        # Requests read these dicts without a lock, so they are replaced and never changed.
        model.labels = dict(config.version_labels)
        model.failed = {number: error for number, error in model.failed.items() if number in wanted}
        unwanted = [number for number in model.available if number not in wanted]
        model.available = {number: version for number, version in model.available.items() if number in wanted}
        for number in unwanted:
            self._report(f"{name}: unloaded version {number}")
        if unwanted:
            gc.collect()  # a graph has references to itself

    def _load(self, name: str, model: _Model, path: Path) -> None:
        number = int(path.name)
        model.loading = number
        try:
            version = Version(path)
        except ServingError as error:
            model.failed = {**model.failed, number: error}
            self._report(f"{name}: version {number} failed: {error}")
        else:
            model.available = {**model.available, number: version}
            self._report(f"{name}: loaded version {number}, {version.warmed_up} warm-up requests")
        finally:
            model.loading = None


def _wanted(config: ModelConfig) -> list[int]:
    policy = config.model_version_policy
    found = versions(config.base_path)
    match policy.WhichOneof("policy_choice"):
        case "specific":
            return [number for number in sorted(policy.specific.versions) if number in found]
        case "all":
            return found
        case _:
            return found[-(policy.latest.num_versions or 1) :]


def _not_found(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.NOT_FOUND, message)
