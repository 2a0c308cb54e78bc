"""The models of a local server: their versions, and the one that answers a request."""

import gc
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import grpc
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelConfig, ModelServerConfig

from tfvae.export.folders import versions
from tfvae.serving.deployment.configuration import labels_of
from tfvae.serving.errors import ServingError, invalid
from tfvae.serving.local.version import Version


class _Failure(NamedTuple):
    error: ServingError
    files: list[tuple[str, ...]]  # as they were before the version was loaded


@dataclass
class _Model:
    available: dict[int, Version] = field(default_factory=dict)
    failed: dict[int, _Failure] = field(default_factory=dict)
    loading: int | None = None
    labels: dict[str, int] = field(default_factory=dict)


class Models:
    """Versions by model. A new version is loaded and takes requests before the one that it replaces is unloaded.

    A version that fails to load replaces nothing. It is loaded again when its files have changed, so that one that was
    seen while it was being copied is served once it is whole.

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
        """Loads new versions, then unloads those that they replace or that are no longer configured."""
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
        found |= {number: (ModelVersionStatus.END, failure.error) for number, failure in model.failed.items()}
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
        candidates, count = _wanted(config)
        kept, failed = list[int](), list[int]()
        for number in candidates:
            if len(kept) == count:
                break
            loaded = number in model.available or self._load(name, model, Path(config.base_path, str(number)))
            (kept if loaded else failed).append(number)
        # Without a version that loads, those that were served stay.
        kept = kept or list(model.available)
        # Requests read these dicts without a lock, so they are replaced and never changed.
        model.labels = dict(config.version_labels) or labels_of(sorted(kept))
        model.failed = {number: failure for number, failure in model.failed.items() if number in failed}
        unwanted = [number for number in model.available if number not in kept]
        model.available = {number: version for number, version in model.available.items() if number in kept}
        for number in unwanted:
            self._report(f"{name}: unloaded version {number}")
        if unwanted:
            gc.collect()  # a graph has references to itself

    def _load(self, name: str, model: _Model, path: Path) -> bool:
        number, files = int(path.name), _files(path)
        if number in model.failed and model.failed[number].files == files:
            return False
        model.loading = number
        try:
            version = Version(path)
        except ServingError as error:
            model.failed = {**model.failed, number: _Failure(error, files)}
            self._report(f"{name}: version {number} failed, and is tried again when its files change: {error}")
            return False
        else:
            model.available = {**model.available, number: version}
            self._report(f"{name}: loaded version {number}, {version.warmed_up} warm-up requests")
            return True
        finally:
            model.loading = None


def _wanted(config: ModelConfig) -> tuple[list[int], int]:
    """The versions to try, the newest first, and how many of them are served."""
    policy = config.model_version_policy
    found = versions(config.base_path)[::-1]
    match policy.WhichOneof("policy_choice"):
        case "specific":
            found = [number for number in found if number in policy.specific.versions]
            return found, len(found)
        case "all":
            return found, len(found)
        case _:
            return found, policy.latest.num_versions or 1


def _files(folder: Path) -> list[tuple[str, ...]]:
    """What can be seen of a folder's files without reading them: another value means that one has changed."""
    found = []
    for path in sorted(folder.rglob("*")):
        try:
            status = path.stat()
        except OSError:  # it was removed meanwhile
            continue
        found.append((str(path), *map(str, (status.st_size, status.st_mtime_ns, status.st_ctime_ns))))
    return found


def _not_found(message: str) -> ServingError:
    return ServingError(grpc.StatusCode.NOT_FOUND, message)
