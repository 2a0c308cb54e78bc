import subprocess

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

from tfvae.serving.deployment.configuration import model_server_config, write_configuration
from tfvae.serving.local.server import LocalServer

LEAF = """model_config_list {
  config { name: "leaf_model" base_path: "/models/leaf_model" model_platform: "tensorflow" }
}
"""


@pytest.fixture
def zoo(tmp_path):
    (tmp_path / "zoo" / "one" / "1").mkdir(parents=True)
    return tmp_path / "zoo"


@pytest.mark.parametrize("name", ["models.config", "probes.yaml", "health.sh"])
@pytest.mark.parametrize("edit", [lambda _: LEAF, lambda content: content + "\n", lambda content: content[1:]])
def test_a_file_that_a_user_wrote_or_edited_is_kept_and_nothing_else_is_written(zoo, tmp_path, name, edit):
    out = tmp_path / "out"
    write_configuration(zoo, out)
    (out / name).write_text(edit((out / name).read_text()))
    (out / "compose.yaml").unlink()
    (zoo / "one" / "2").mkdir()
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=rf"Expected .*/{name} as tfvae deploy wrote it.*Move it away"):
        write_configuration(zoo, out)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_a_models_config_of_an_earlier_tfvae_is_replaced_unless_it_was_edited(zoo, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    old = text_format.MessageToString(model_server_config(zoo, base_path="/models"))
    (out / "models.config").write_text(old.replace("stable", "mine"))
    with pytest.raises(ValueError, match=r"written or edited by hand"):
        write_configuration(zoo, out)
    (out / "models.config").write_text(old)
    write_configuration(zoo, out)
    content = (out / "models.config").read_text()
    assert content.startswith("# Written by tfvae deploy")
    assert text_format.Parse(content, ModelServerConfig()) == text_format.Parse(old, ModelServerConfig())


def test_probes_and_the_health_check_ask_for_the_status_of_models(tmp_path):
    for name in ("a", "b'c d"):
        (tmp_path / "zoo" / name / "1").mkdir(parents=True)
    write_configuration(tmp_path / "zoo", tmp_path / "out")
    (container,) = yaml.safe_load((tmp_path / "out" / "probes.yaml").read_text())["spec"]["template"]["spec"][
        "containers"
    ]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"] == {"path": "/v1/models/a", "port": "http"}
    assert "/v1/models/a /v1/models/b%27c%20d" in (tmp_path / "out" / "health.sh").read_text()


def test_the_health_check_fails_for_a_model_without_an_available_version(put, tmp_path):
    for name in ("good", "broken"):
        (tmp_path / "zoo" / name).mkdir(parents=True)
    put(0, tmp_path / "zoo" / "good" / "1")

    def check(server):
        write_configuration(tmp_path / "zoo", tmp_path / "out")
        script = (tmp_path / "out" / "health.sh").read_text()
        port = server.rest_address.rpartition(":")[2]
        command = ["bash", "-c", script.replace("8501", port)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    with LocalServer(tmp_path / "zoo", poll_seconds=300) as server:
        assert check(server).returncode == 0
        (tmp_path / "zoo" / "broken" / "1").mkdir()
        server.models.poll()
        failed = check(server)
        assert (failed.returncode, failed.stdout) == (1, "/v1/models/broken is not available\n")
    assert check(server).returncode == 1
