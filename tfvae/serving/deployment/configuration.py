"""The configuration of TensorFlow Serving for a zoo: its models, their versions, and which of them is stable."""

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.export.folders import versions
from tfvae.files.atomic import written_whole
from tfvae.files.manifest import verify_if_present
from tfvae.serving.deployment.generated import check_replaceable, generated

TEMPLATES = Path(__file__).with_name("templates")  # the files that do not depend on the models


def model_server_config(
    saved_models: str | os.PathLike, *, base_path: str | os.PathLike | None = None, promote: Collection[str] = ()
) -> ModelServerConfig:
    """The configuration of all models in a folder, each with its two newest versions.

    `canary` is the newest version, and `stable` the one before it. If a model is promoted, or has only one version,
    both are the newest. A request that names neither a version nor a label gets the newest.

    Args:
        saved_models: a folder of <name>/<version>/; names without a version are left out.
        base_path: the path of that folder for the server, by default the same.
        promote: names of models whose newest version is stable.

    Raises:
        ValueError: if there is no model, or a name to promote is not a model.
    """
    folder = Path(saved_models)
    base = Path(folder.absolute() if base_path is None else base_path)
    found = {path.name: versions(path) for path in sorted(folder.iterdir())} if folder.is_dir() else {}
    found = {name: numbers[-2:] for name, numbers in found.items() if numbers}
    if not found:
        raise ValueError(f"Expected a folder of models, <name>/<version>/. Received: saved_models='{saved_models}'")
    if unknown := sorted(set(promote) - set(found)):
        raise ValueError(f"Expected names of models to promote, of {list(found)}. Received: {unknown}")

    config = ModelServerConfig()
    for name, numbers in found.items():
        model = config.model_config_list.config.add(name=name, base_path=str(base / name), model_platform="tensorflow")
        model.model_version_policy.specific.versions.extend(numbers)
        model.version_labels.update(labels_of(numbers[-1:] if name in promote else numbers))
    return config


def labels_of(numbers: Sequence[int]) -> dict[str, int]:
    """The labels of a model's versions, ascending: `canary` is the newest, and `stable` the one before it."""
    return {"canary": numbers[-1], "stable": numbers[-2:][0]} if numbers else {}


def write_configuration(
    saved_models: str | os.PathLike,
    output: str | os.PathLike,
    *,
    promote: Collection[str] = (),
) -> dict[Path, str]:
    """Writes models.config into a folder, and those of the templates and .env that are not there yet.

    models.config, probes.yaml and health.sh, which name the models, are replaced if they are as this function wrote
    them. Any other file that exists is kept, because it may have been edited.

    Args:
        saved_models: as in `model_server_config`; the server sees it as /models.
        output: the folder; it is made if it does not exist.
        promote: as in `model_server_config`.

    Returns:
        For each file "wrote", "kept", or "kept, differs" if it would have other content now: it was edited, or belongs
        to another `saved_models` or an older version of the templates.

    Raises:
        ValueError: as `model_server_config`, or if the files of a version are not those of its manifest.json, or if
            someone else wrote or edited one of the three files; then nothing is written.
    """
    config = model_server_config(saved_models, base_path="/models", promote=promote)
    for model in config.model_config_list.config:
        for number in model.model_version_policy.specific.versions:
            verify_if_present(Path(saved_models, model.name, str(number)))
    replaced = {Path(output) / name: content for name, content in generated(config).items()}
    for path in replaced:
        check_replaceable(path)
    contents = {
        path.relative_to(TEMPLATES).as_posix(): path.read_text()
        for path in sorted(TEMPLATES.rglob("*"))
        if path.is_file()
    }
    contents[".env"] = f"SAVED_MODELS={Path(saved_models).absolute()}\n"
    done = {}
    for name, content in contents.items():
        path = Path(output) / name
        if path.exists():
            done[path] = "kept" if path.read_text() == content else "kept, differs"
        else:
            _write(path, content)
            done[path] = "wrote"
    for path, content in replaced.items():
        _write(path, content)
    return {**done, **dict.fromkeys(replaced, "wrote")}


def _write(path: Path, content: str) -> None:
    with written_whole(path) as beside:
        beside.write_text(content)
