"""The recipes of tools/cluster, with the commands of the cluster replaced by scripts that record their calls."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import tensorflow as tf
import yaml

ROOT = Path(__file__).parents[3]
CLUSTER = ROOT / "tools" / "cluster"
# Replaces Python: appends TF_CONFIG and its arguments to the file CALLS, and exits with the code EXIT.
PYTHON = """#!/bin/bash
echo "$TF_CONFIG $*" >> "$CALLS"
exit "${EXIT:-0}"
"""
SRUN = """#!/bin/bash
worst=0
for ((rank = 0; rank < 3; rank++)); do SLURM_PROCID=$rank "$@" || worst=$?; done
exit $worst
"""
SCONTROL = """#!/bin/bash
if [[ "$1 $2" == "show hostnames" ]]; then printf '%s\\n' node2 node10 node11; else echo "scontrol $*" >> "$CALLS"; fi
"""


def bash(*command, **environment):
    return subprocess.run(
        ["bash", *map(str, command)], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """The file that programs at the front of the PATH record their calls in."""
    for name, content in {"python": PYTHON, "srun": SRUN, "scontrol": SCONTROL}.items():
        (tmp_path / name).write_text(content)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    return tmp_path / "calls"


def read(line):
    """TF_CONFIG and the arguments after it, of one call of Python."""
    config, end = json.JSONDecoder().raw_decode(line)
    return config, line[end:].split()


def test_tensorflow_reads_tf_config(monkeypatch):
    made = bash(CLUSTER / "tf_config.sh", 1, 5000, "node2", "node10")
    assert made.returncode == 0, made.stderr
    monkeypatch.setenv("TF_CONFIG", made.stdout)
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    assert resolver.cluster_spec().as_dict() == {"worker": ["node2:5000", "node10:5000"]}
    assert (resolver.task_type, resolver.task_id) == ("worker", 1)


@pytest.mark.parametrize("arguments", [(), (0, 5000), (2, 5000, "a", "b"), (-1, 5000, "a"), ("x", 5000, "a")], ids=str)
def test_an_index_without_a_worker_is_refused(arguments):
    made = bash(CLUSTER / "tf_config.sh", *arguments)
    assert made.returncode != 0
    assert made.stdout == ""
    assert "INDEX" in made.stderr


SLURM = {"SLURM_JOB_NODELIST": "node[2,10-11]", "SLURM_JOB_ID": "77", "PYTHON": "python"}


def test_slurm_starts_a_worker_on_each_machine(calls):
    ended = bash(CLUSTER / "slurm.sh", "--experiment=a b", "--workdir=/scratch/run", **SLURM)
    assert ended.returncode == 0, ended.stderr
    workers = ["node2:5000", "node10:5000", "node11:5000"]
    configs = [read(line) for line in calls.read_text().splitlines()]
    for index, (config, arguments) in enumerate(configs):
        assert config == {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}
        expected = "-m tfvae.cli train --strategy=multi_worker --experiment=a b --workdir=/scratch/run"
        assert " ".join(arguments) == expected
    assert len(configs) == 3


@pytest.mark.parametrize(
    ("code", "restarts", "queued_again"), [(143, 9, True), (1, 0, True), (1, 4, True), (1, 5, False), (0, 0, False)]
)
def test_slurm_queues_a_stopped_job_again_and_a_failed_one_a_few_times(code, restarts, queued_again, calls):
    ended = bash(CLUSTER / "slurm.sh", **SLURM, EXIT=str(code), SLURM_RESTART_COUNT=str(restarts))
    assert ended.returncode == code, ended.stderr
    assert ("scontrol requeue 77" in calls.read_text()) is queued_again


def test_kubernetes_starts_workers_that_find_each_other(calls):
    service, job = yaml.safe_load_all((CLUSTER / "kubernetes.yaml").read_text())
    spec, pod = job["spec"], job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    assert spec["completionMode"] == "Indexed"
    assert spec["completions"] == spec["parallelism"] == int(environment["WORKERS"])
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    program, *command = container["command"] + container["args"]
    assert program == "bash"
    for index in range(spec["completions"]):
        ended = bash(*command, **environment, JOB_COMPLETION_INDEX=str(index))
        assert ended.returncode == 0, ended.stderr
        config, arguments = read(calls.read_text().splitlines()[index])
        # A pod of an indexed job has the name of the job and its index; its subdomain is that of the service.
        hosts = [f"{job['metadata']['name']}-{i}.{service['metadata']['name']}" for i in range(spec["completions"])]
        port = service["spec"]["ports"][0]["port"]
        assert config["cluster"] == {"worker": [f"{host}:{port}" for host in hosts]}
        assert config["task"] == {"type": "worker", "index": index}
        assert arguments == ["-m", "tfvae.cli", "train", "--strategy=multi_worker", *container["args"]]
    assert pod["subdomain"] == service["metadata"]["name"]
