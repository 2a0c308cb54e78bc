"""Writes what tensorflow/serving needs for all models of a folder: its configuration, Docker Compose and Kubernetes.

  python tfvae deploy --output=serving
  cd serving && docker compose up          # or: kubectl apply -k serving

Give the same command again after a new version: models.config follows the folder and is replaced; all other files stay
as they are, so that they may be edited, and one that differs from what would be written is told: delete it to have it
anew. `canary` is each model's newest version and `stable` the one before, until it is promoted.
"""

from collections.abc import Sequence

from absl import flags

SAVED_MODELS = flags.DEFINE_string("saved_models", None, "A folder of <name>/<version>/, by default the zoo's.")
OUTPUT = flags.DEFINE_string("output", None, "The folder to write; models.config in it is replaced.", required=True)
PROMOTE = flags.DEFINE_list("promote", [], "Names of models whose newest version is stable, after commas.")


def main(argv: Sequence[str]) -> None:
    from tfvae import zoo
    from tfvae.serving.deployment.configuration import write_configuration

    folder = SAVED_MODELS.value or zoo.saved_models()
    for path, what in write_configuration(folder, OUTPUT.value, promote=PROMOTE.value).items():
        print(f"{what}: {path}")
