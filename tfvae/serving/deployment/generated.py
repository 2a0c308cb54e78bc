"""Files that are written again when the models change. Their first line has a digest: no edited file is replaced."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from google.protobuf import text_format
from tensorflow_serving.config.model_server_config_pb2 import ModelServerConfig

_MARK = "# Written by tfvae deploy, which replaces this file unless it was edited: sha256 "


def generated(config: ModelServerConfig) -> dict[str, str]:
    """The content of models.config, and of the two files that ask for the status of its models, by name."""
    names = [model.name for model in config.model_config_list.config]
    return {name: _marked(content) for name, content in _contents(config, names).items()}


def check_replaceable(path: Path) -> None:
    """Checks that a file does not exist, or is as `tfvae deploy` wrote it.

    Raises:
        ValueError: if it was written or edited by someone else.
    """
    if not path.exists():
        return
    content = path.read_text(encoding="utf-8", errors="replace")
    if content == _marked(content.partition("\n")[2]) or _is_of_an_older_version(path.name, content):
        return
    raise ValueError(
        f"Expected {path} as tfvae deploy wrote it, or none. Received: a file that was written or edited by hand. "
        "Move it away, or name another folder with --output, and merge the two"
    )


def _contents(config: ModelServerConfig, names: Sequence[str]) -> dict[str, str]:
    paths = [f"/v1/models/{quote(name, safe='')}" for name in names]
    probe = f"httpGet: {{ path: '{paths[0]}', port: http }}"
    return {
        "models.config": text_format.MessageToString(config),
        # The server opens its port when it has loaded all models, so one of them is asked.
        "probes.yaml": f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: encoders
spec:
  template:
    spec:
      containers:
        - name: serving
          startupProbe:
            {probe}
            periodSeconds: 5
            timeoutSeconds: 5
            failureThreshold: 60
          readinessProbe:
            {probe}
            timeoutSeconds: 5
          livenessProbe:
            {probe}
            timeoutSeconds: 10
            failureThreshold: 6
""",
        # The image has neither curl nor wget.
        "health.sh": f"""\
for path in {" ".join(paths)}; do
  exec 3<>/dev/tcp/127.0.0.1/8501 || exit 1
  printf 'GET %s HTTP/1.0\\r\\n\\r\\n' "$path" >&3
  grep -q '"AVAILABLE"' <&3 || {{ echo "$path is not available"; exit 1; }}
  exec 3>&-
done
""",
    }


def _marked(content: str) -> str:
    return f"{_MARK}{hashlib.sha256(content.encode()).hexdigest()}\n{content}"


def _is_of_an_older_version(name: str, content: str) -> bool:
    """Whether it is a models.config of the time before the first line, and was not edited."""
    if name != "models.config":
        return False
    try:
        config = text_format.Parse(content, ModelServerConfig())
    except text_format.ParseError:
        return False
    models = config.model_config_list.config
    return text_format.MessageToString(config) == content and all(
        model.base_path == f"/models/{model.name}"
        and set(model.version_labels) == {"canary", "stable"}
        and model.model_version_policy.specific.versions
        for model in models
    )
