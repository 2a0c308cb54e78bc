"""The files for Kubernetes against its published schemas, and what its restricted Pod Security Standard asks."""

import json
import re
import shutil
import subprocess

import pytest
import yaml

from tfvae.serving.deployment.configuration import TEMPLATES, write_configuration

kubernetes_validate = pytest.importorskip("kubernetes_validate")

IMAGE = "2.20.0"
# Of TensorFlow Serving 2.20 (servables/tensorflow/util.cc) and TensorFlow (cc/saved_model/loader.cc), as
# prometheus_exporter.cc writes them; histograms have three series.
COUNTERS = {
    ":tensorflow:serving:request_count": {"model_name", "status"},
    ":tensorflow:cc:saved_model:load_attempt_count": {"model_path", "status"},
}
HISTOGRAMS = {
    ":tensorflow:serving:request_latency": {"model_name", "API", "entrypoint"},
    ":tensorflow:serving:runtime_latency": {"model_name", "API", "runtime"},
}
SERIES = COUNTERS | {
    name + suffix: labels | ({"le"} if suffix == "_bucket" else set())
    for name, labels in HISTOGRAMS.items()
    for suffix in ("_bucket", "_sum", "_count")
}


def documents(text):
    return [document for document in yaml.safe_load_all(text) if document and "kustomize" not in document["apiVersion"]]


@pytest.fixture
def folder(tmp_path):
    for version in ("a/1", "b/1"):
        (tmp_path / "zoo" / version).mkdir(parents=True)
    write_configuration(tmp_path / "zoo", tmp_path / "out")
    return tmp_path / "out"


def check(document):
    kubernetes_validate.validate(document, "1.32", strict=True)
    spec = document["spec"]
    pod = spec["template"]["spec"] if document["kind"] == "Deployment" else spec
    if document["kind"] not in ("Deployment", "Pod"):
        return
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert set(container["resources"]) == {"requests", "limits"}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["image"].endswith(":latest")
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in pod["volumes"]}


def test_the_manifests_fit_the_schemas_of_kubernetes(folder):
    kinds = set()
    for path in folder.rglob("*.yaml"):
        if path.name.startswith(("compose", "alerts", "probes")):
            continue
        for document in documents(path.read_text()):
            check(document)
            kinds.add(document["kind"])
    assert kinds == {
        *("Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"),
        *("HorizontalPodAutoscaler", "PersistentVolumeClaim", "Pod"),
    }


def test_a_mistyped_field_does_not_fit(folder):
    (deployment,) = documents((folder / "deployment.yaml").read_text())
    deployment["spec"]["template"]["spec"]["securityContext"]["runAsNonRooot"] = True
    with pytest.raises(kubernetes_validate.ValidationError):
        check(deployment)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl, which builds kustomizations, is not installed")
@pytest.mark.parametrize("options", [[], ["volume"], ["tls"], ["autoscaler"], ["autoscaler", "tls", "volume"]])
def test_what_kubectl_would_apply_fits_the_schemas_and_is_complete(folder, options):
    (folder / "tls" / "ssl.config").write_text("server_key: 'x'\n")
    kustomization = folder / "kustomization.yaml"
    text = kustomization.read_text()
    assert "components: []" in text
    kustomization.write_text(text.replace("components: []", f"components: {options}"))
    command = ["kubectl", "kustomize", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    built = {}
    for document in documents(done.stdout):
        if document["kind"] in ("ConfigMap", "Secret"):
            kubernetes_validate.validate(document, "1.32", strict=True)
        else:
            check(document)
        built.setdefault(document["kind"], document)
    pod = built["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["path"] == "/v1/models/a"
    volume = f"tensorflow/serving:{IMAGE}"
    assert container["image"] == (volume if "volume" in options else "registry.example/encoders:1")
    assert ("PersistentVolumeClaim" in built) == ("volume" in options)
    assert ("--ssl_config_file=/tls/ssl.config" in container["args"]) == ("tls" in options)
    assert ("replicas" in built["Deployment"]["spec"]) == ("autoscaler" not in options)
    assert ("HorizontalPodAutoscaler" in built) == ("autoscaler" in options)
    # Every name that a pod refers to is built too.
    for volume in pod["volumes"]:
        if "configMap" in volume:
            assert volume["configMap"]["name"] == built["ConfigMap"]["metadata"]["name"]
        if "secret" in volume:
            assert volume["secret"]["secretName"] == built["Secret"]["metadata"]["name"]
        if "persistentVolumeClaim" in volume:
            assert volume["persistentVolumeClaim"]["claimName"] == built["PersistentVolumeClaim"]["metadata"]["name"]


def test_every_image_of_tensorflow_serving_is_the_same_pinned_version(folder):
    text = "".join(path.read_text() for path in folder.rglob("*") if path.is_file())
    assert "latest" not in re.sub("policy.*|latest {", "", text.replace("latest checkpoint", ""))
    tags = re.findall(r"tensorflow/serving:(\S+)", text)
    defaults = re.findall(r"TENSORFLOW_SERVING(?::-|=)([\d.]+)", text)
    assert set(tags) == {"${TENSORFLOW_SERVING:-2.20.0}", "${TENSORFLOW_SERVING}", IMAGE}
    assert set(defaults) == {IMAGE}


def test_compose_has_limits_and_opens_no_port_to_other_machines(folder):
    service = yaml.safe_load((folder / "compose.yaml").read_text())["services"]["encoders"]
    assert {"mem_limit", "cpus", "pids_limit"} <= set(service)
    assert service["user"] == "${SERVING_USER:-1000:1000}"
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])


def expressions():
    dashboard = json.loads((TEMPLATES / "monitoring" / "dashboard.json").read_text())
    yield from (target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    for group in yaml.safe_load((TEMPLATES / "monitoring" / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            assert (
                {"alert", "expr", "labels", "annotations"}
                <= set(rule)
                <= {*("alert", "expr", "labels", "annotations", "for")}
            )
            yield rule["expr"]


def test_the_dashboard_and_the_alerts_ask_for_metrics_and_labels_that_exist():
    names = set()
    for expression in expressions():
        assert expression.count("(") == expression.count(")")
        for name, matchers in re.findall(r"(:[\w:]+)(?:{([^}]*)})?", re.sub(r'"[^"]*"', '""', expression)):
            names.add(name)
            assert set(re.findall(r"(\w+)=", matchers)) <= SERIES[name], expression
        for grouping in re.findall(r"by \(([^)]*)\)", expression):
            used = [SERIES[name] for name in re.findall(r":tensorflow[\w:]+", expression)]
            assert all(set(grouping.split(", ")) <= labels for labels in used), expression
    assert {name.removesuffix("_bucket").removesuffix("_sum").removesuffix("_count") for name in names} >= set(
        HISTOGRAMS
    )


@pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool, which reads Prometheus's rules, is not installed"
)
def test_prometheus_reads_the_alerts():
    command = ["promtool", "check", "rules", str(TEMPLATES / "monitoring" / "alerts.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr + done.stdout
