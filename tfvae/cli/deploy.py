"""Writes the files that tensorflow/serving needs for all models of a folder, for Docker Compose and Kubernetes.

  tfvae deploy --output=serving
  cd serving && docker compose up          # or: kubectl apply -k serving

Run the same command again after a new version: models.config is replaced. All other files are kept, so that you can
edit them. One that differs from what would be written is reported; delete it to have it written again. `canary` is each
model's newest version and `stable` the one before it, until the newest is promoted.
"""

from collections.abc import Sequence

from absl import flags

SAVED_MODELS = flags.DEFINE_string("saved_models", None, "A folder of <name>/<version>/, by default the zoo's.")
OUTPUT = flags.DEFINE_string("output", None, "The folder to write; models.config in it is replaced.", required=True)
PROMOTE = flags.DEFINE_list("promote", [], "Names of models whose newest version is stable, separated by commas.")


def main(argv: Sequence[str]) -> None:
    from tfvae import zoo
    from tfvae.serving.deployment.configuration import write_configuration

    folder = SAVED_MODELS.value or zoo.saved_models()
    for path, what in write_configuration(folder, OUTPUT.value, promote=PROMOTE.value).items():
        print(f"{what}: {path}")
