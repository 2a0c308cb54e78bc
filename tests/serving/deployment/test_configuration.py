import inspect

import pytest
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.serving import Client
from tfvae.serving.deployment.configuration import TEMPLATES, model_server_config, write_configuration


@pytest.fixture
def zoo(tmp_path):
    for version in ("one/1", "three/1", "three/2", "three/10", "none/.3.tmp"):
        (tmp_path / "zoo" / version).mkdir(parents=True)
    return tmp_path / "zoo"


def chosen(config):
    return {
        model.name: (model.base_path, list(model.model_version_policy.specific.versions), dict(model.version_labels))
        for model in config.model_config_list.config
    }


def test_each_model_has_its_two_newest_versions(zoo):
    assert chosen(model_server_config(zoo, base_path="/models")) == {
        "one": ("/models/one", [1], {"stable": 1, "canary": 1}),
        "three": ("/models/three", [2, 10], {"stable": 2, "canary": 10}),
    }
    promoted = chosen(model_server_config(zoo, promote=["three"]))
    assert promoted["three"] == (str(zoo / "three"), [2, 10], {"stable": 10, "canary": 10})


def test_unknown_names_and_empty_folders_are_refused(zoo, tmp_path):
    with pytest.raises(ValueError, match=r"of \['one', 'three'\]. Received: \['two'\]"):
        model_server_config(zoo, promote=["two"])
    with pytest.raises(ValueError, match="Expected a folder of models"):
        write_configuration(tmp_path / "missing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_models_follow_the_folder_and_other_files_are_kept(zoo, tmp_path):
    out = tmp_path / "out"
    assert set(write_configuration(zoo, out).values()) == {"wrote"}
    (out / "compose.yaml").write_text("mine")
    (zoo / "one" / "2").mkdir()
    done = {path.name: what for path, what in write_configuration(zoo, out).items()}
    assert [done.pop(name) for name in ("models.config", "probes.yaml", "health.sh")] == ["wrote"] * 3
    assert done.pop("compose.yaml") == "kept, differs"
    assert set(done.values()) == {"kept"}
    assert (out / "compose.yaml").read_text() == "mine"
    config = text_format.Parse((out / "models.config").read_text(), ModelServerConfig())
    assert chosen(config)["one"] == ("/models/one", [1, 2], {"stable": 1, "canary": 2})
    assert (out / ".env").read_text() == f"SAVED_MODELS={zoo}\n"
    other = zoo.rename(zoo.with_name("other"))
    assert write_configuration(other, out)[out / ".env"] == "kept, differs"
    assert (out / ".env").read_text() == f"SAVED_MODELS={zoo}\n"


def message(name, fields):
    """A message class, because tensorflow-serving-api lacks BatchingParameters and MonitoringConfig.

    Their fields are those of TensorFlow Serving's session_bundle_config.proto and monitoring_config.proto.
    """
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{name}.proto", package=f"test.{name}", syntax="proto3")
    file.dependency.append("google/protobuf/wrappers.proto")
    nested = file.message_type.add(name="PrometheusConfig")
    nested.field.add(name="enable", number=1, type=field.TYPE_BOOL, label=field.LABEL_OPTIONAL)
    nested.field.add(name="path", number=2, type=field.TYPE_STRING, label=field.LABEL_OPTIONAL)
    made = file.message_type.add(name=name)
    for key, (number, kind) in fields.items():
        made.field.add(name=key, number=number, type=field.TYPE_MESSAGE, type_name=kind, label=field.LABEL_OPTIONAL)
    pool = descriptor_pool.DescriptorPool()
    wrappers = descriptor_pb2.FileDescriptorProto()
    wrappers_pb2.DESCRIPTOR.CopyToProto(wrappers)
    pool.Add(wrappers)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"test.{name}.{name}"))()


def test_batching_parameters_are_those_of_tensorflow_serving():
    names = ("max_batch_size", "batch_timeout_micros", "max_enqueued_batches", "num_batch_threads")
    fields = {name: (number, ".google.protobuf.Int64Value") for number, name in enumerate(names, 1)}
    parsed = text_format.Parse((TEMPLATES / "batching.config").read_text(), message("BatchingParameters", fields))
    assert all(getattr(parsed, name).value > 0 for name in names)
    assert parsed.max_batch_size.value == inspect.signature(Client).parameters["batch_size"].default


def test_the_monitoring_configuration_can_be_parsed():
    fields = {"prometheus_config": (1, ".test.MonitoringConfig.PrometheusConfig")}
    parsed = text_format.Parse((TEMPLATES / "monitoring.config").read_text(), message("MonitoringConfig", fields))
    assert parsed.prometheus_config.enable
    annotations = yaml.safe_load((TEMPLATES / "deployment.yaml").read_text())["spec"]["template"]["metadata"]
    assert annotations["annotations"]["prometheus.io/path"] == parsed.prometheus_config.path


def test_compose_and_kubernetes_run_the_same_server_on_files_that_exist():
    def read(name):
        return yaml.safe_load((TEMPLATES / name).read_text())

    compose = read("compose.yaml")["services"]["encoders"]
    pod = read("deployment.yaml")["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    assert compose["command"] == container["args"]
    assert "COPY . /models" in (TEMPLATES / "Dockerfile").read_text().splitlines()
    names = {argument.split("/config/")[1] for argument in container["args"] if "/config/" in argument}
    (generated,) = read("kustomization.yaml")["configMapGenerator"]
    assert set(generated["files"]) == names == {"models.config", "batching.config", "monitoring.config"}
    assert generated["name"] == pod["spec"]["volumes"][0]["configMap"]["name"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    # Kubernetes has the models in the image, or in the option "volume".
    assert mounts == {"/config", "/tmp"}
    assert {volume.split(":")[-2] for volume in compose["volumes"]} == {"/config", "/models"}
    assert read("compose.tls.yaml")["services"]["encoders"]["command"][:-1] == compose["command"]
    selector = read("service.yaml")["spec"]["selector"]
    assert selector.items() <= pod["metadata"]["labels"].items()
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    assert ports == {port["name"]: port["port"] for port in read("service.yaml")["spec"]["ports"]}
