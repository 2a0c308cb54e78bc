"""Writes the files that tensorflow/serving needs for all models of a folder, for Docker Compose and Kubernetes.

  tfvae deploy --output=serving
  cd serving && docker compose up

For Kubernetes, build an image with the models in it and push it, write its name into kustomization.yaml, and apply:

  docker build -f serving/Dockerfile -t registry.example/encoders:1 saved_models
  kubectl apply -k serving

kustomization.yaml lists options: an autoscaler, TLS, and a volume in place of the image. monitoring/ has alert rules
for Prometheus and a dashboard for Grafana.

Run the same command again after a new version: models.config, probes.yaml and health.sh are replaced. If you wrote or
edited one of the three, nothing is written. All other files are kept, so that you can edit them. One that differs from
what would be written is reported; delete it to have it written again. `canary` is each model's newest version and
`stable` the one before it, until the newest is promoted.

Who may reach port 8500 may have the server load any SavedModel that it can read, and a SavedModel is a program. So
Compose opens it to this machine alone, and network.yaml to the pods of its namespace.
"""

from collections.abc import Sequence

from absl import flags

INTERRUPTED = "Interrupted. The same command writes what is missing."

SAVED_MODELS = flags.DEFINE_string("saved_models", None, "A folder of <name>/<version>/, by default the zoo's.")
OUTPUT = flags.DEFINE_string("output", None, "The folder to write; models.config in it is replaced.", required=True)
PROMOTE = flags.DEFINE_list("promote", [], "Names of models whose newest version is stable, separated by commas.")
CERTIFICATE = flags.DEFINE_string("tls_certificate", None, "A PEM file, for gRPC with TLS: writes tls/ssl.config.")
KEY = flags.DEFINE_string("tls_key", None, "The PEM file with the key of --tls_certificate.")
CLIENT_CA = flags.DEFINE_string("tls_client_ca", None, "A PEM file: only clients with its certificates may connect.")


def main(argv: Sequence[str]) -> None:
    from tfvae import zoo
    from tfvae.serving.deployment.configuration import write_configuration
    from tfvae.serving.deployment.tls import write_ssl_config

    if (CERTIFICATE.value is None) != (KEY.value is None) or (CLIENT_CA.value and not KEY.value):
        raise ValueError("Expected --tls_certificate and --tls_key together, and --tls_client_ca only with them")
    folder = SAVED_MODELS.value or zoo.saved_models()
    for path, what in write_configuration(folder, OUTPUT.value, promote=PROMOTE.value).items():
        print(f"{what}: {path}")
    if CERTIFICATE.value is not None:
        print(f"wrote: {write_ssl_config(OUTPUT.value, CERTIFICATE.value, KEY.value, CLIENT_CA.value)}")
