"""Which versions are served: the newest that load, whatever else appears in the folder."""

import shutil

import grpc
import pytest
from tensorflow_serving.apis.model_pb2 import ModelSpec
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.files.manifest import write_manifest
from tfvae.serving import ServingError
from tfvae.serving.local import models as module
from tfvae.serving.local.models import Models
from tfvae.serving.local.server import LocalServer

LATEST, TINY = {"latest": {"num_versions": 2}}, ModelSpec(name="tiny")


def config(folder, policy=LATEST):
    config = ModelServerConfig()
    model = config.model_config_list.config.add(name="tiny", base_path=str(folder / "tiny"))
    ((choice, fields),) = policy.items()
    target = getattr(model.model_version_policy, choice)
    target.SetInParent()
    for field, value in fields.items():
        target.versions.extend(value) if field == "versions" else setattr(target, field, value)
    return config


@pytest.fixture
def models(tmp_path):
    (tmp_path / "tiny").mkdir()
    return Models(lambda: config(tmp_path))


def served(models):
    models.poll()
    states = models.status(TINY)
    return [number for number, (_, error) in states.items() if error is None], models.find(TINY).number


def break_version(path, how):
    if how == "empty":
        path.mkdir(parents=True)
    elif how == "text":
        path.mkdir()
        (path / "saved_model.pb").write_text("no graph")
    elif how == "cut":
        (path / "saved_model.pb").write_bytes((path / "saved_model.pb").read_bytes()[:-100])
    elif how == "no variables":
        shutil.rmtree(path / "variables")
    elif how == "other variables":
        for file in (path / "variables").glob("*.data*"):
            file.write_bytes(bytes(len(file.read_bytes())))


HOWS = ["empty", "text", "cut", "no variables", "other variables"]


def test_broken_versions_replace_nothing_however_many_follow(models, put, tmp_path):
    put(0, tmp_path / "tiny" / "1")
    put(0, tmp_path / "tiny" / "2")
    assert served(models) == ([1, 2], 2)
    for number, how in enumerate(HOWS * 2, 3):
        if how in ("cut", "no variables", "other variables"):
            put(0, tmp_path / "tiny" / str(number))
        break_version(tmp_path / "tiny" / str(number), how)
        assert served(models) == ([1, 2], 2), how
        assert number in models.status(TINY)
    # A server that starts now finds the same versions.
    with LocalServer(tmp_path) as server:
        assert server.models.find(TINY).number == 2
        for label, number in {"stable": 1, "canary": 2}.items():
            assert server.models.find(ModelSpec(name="tiny", version_label=label)).number == number
    put(100, tmp_path / "tiny" / "20")
    assert served(models) == ([2, 20], 20)


def test_a_version_that_fails_keeps_the_others_under_each_policy(put, tmp_path):
    for number in (1, 2):
        put(0, tmp_path / "tiny" / str(number))
    wanted = [config(tmp_path, {"specific": {"versions": [1, 2]}})]
    models = Models(lambda: wanted[-1])
    assert served(models) == ([1, 2], 2)
    break_version(tmp_path / "tiny" / "3", "empty")
    wanted.append(config(tmp_path, {"specific": {"versions": [3]}}))
    assert served(models) == ([1, 2], 2)
    wanted.append(config(tmp_path, {"all": {}}))
    assert served(models) == ([1, 2], 2)
    wanted.append(config(tmp_path, {"latest": {}}))
    assert served(models) == ([2], 2)


@pytest.mark.parametrize("manifest", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_version_that_is_seen_half_copied_is_served_when_it_is_whole(
    models, put, versions, tmp_path, manifest, backwards
):
    put(0, tmp_path / "tiny" / "1")
    shutil.copytree(versions[100], tmp_path / "whole")
    if manifest:
        write_manifest(tmp_path / "whole")
    files = sorted((file for file in (tmp_path / "whole").rglob("*") if file.is_file()), reverse=backwards)
    needed = {"saved_model.pb", "variables.index", "variables.data-00000-of-00001"}
    for file in files:
        copy = tmp_path / "tiny" / "2" / file.relative_to(tmp_path / "whole")
        copy.parent.mkdir(parents=True, exist_ok=True)
        for content in (file.read_bytes()[:10], file.read_bytes()):  # each file is seen before it is whole
            copy.write_bytes(content)
            found = served(models)[1]
            present = {path.name for path in (tmp_path / "tiny" / "2").rglob("*")}
            if not needed <= present:
                assert found == 1
    assert served(models) == ([1, 2], 2)


def test_a_version_whose_files_are_not_those_of_its_manifest_is_not_served(models, put, tmp_path):
    put(0, tmp_path / "tiny" / "1")
    changed = tmp_path / "tiny" / "2"
    put(100, changed)
    write_manifest(changed)
    fingerprint = (changed / "fingerprint.pb").read_bytes()
    (changed / "fingerprint.pb").write_bytes(fingerprint + b"\0")  # which the loader would accept
    assert served(models) == ([1], 1)
    _, error = models.status(TINY)[2]
    assert error.code == grpc.StatusCode.DATA_LOSS
    assert "It has changed since it was exported" in error.message
    (changed / "fingerprint.pb").write_bytes(fingerprint)
    assert served(models) == ([1, 2], 2)


def test_the_old_version_answers_while_the_new_one_loads(models, put, tmp_path, monkeypatch):
    put(0, tmp_path / "tiny" / "1")
    put(0, tmp_path / "tiny" / "2")
    models.poll()
    put(100, tmp_path / "tiny" / "3")
    load, during = module.Version, []

    def loading(path):
        during.append([models.find(ModelSpec(name="tiny", version={"value": number})).number for number in (1, 2)])
        return load(path)

    monkeypatch.setattr(module, "Version", loading)
    assert served(models) == ([2, 3], 3)
    assert during == [[1, 2]]


def test_a_failed_version_is_not_loaded_again_while_nothing_changes(models, put, tmp_path, monkeypatch):
    put(0, tmp_path / "tiny" / "1")
    break_version(tmp_path / "tiny" / "2", "text")
    models.poll()
    monkeypatch.setattr(module, "Version", lambda path: pytest.fail(f"{path} is loaded again"))
    models.poll()


def test_deleted_versions_and_models_are_unloaded(models, put, tmp_path):
    for number in (1, 2, 3):
        put(0, tmp_path / "tiny" / str(number))
    assert served(models) == ([2, 3], 3)
    shutil.rmtree(tmp_path / "tiny" / "3")
    assert served(models) == ([1, 2], 2)
    models.configure(ModelServerConfig(model_config_list={}))
    with pytest.raises(ServingError, match="NOT_FOUND"):
        models.find(TINY)
