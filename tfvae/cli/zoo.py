"""Lists the pretrained models of the zoo with their scores, or describes one.

tfvae zoo
tfvae zoo factor_vae-dsprites
"""

from collections.abc import Sequence

from absl import flags

ARGUMENTS = "[NAME] ..."

ROOT = flags.DEFINE_string("root", None, "A folder that holds zoo/ and saved_models/; by default the library's own.")


def main(argv: Sequence[str]) -> None:
    from tfvae import zoo

    if len(argv) > 2:
        raise ValueError(f"Expected one name at most. Received: {list(argv[1:])}")
    if len(argv) == 2:
        print(zoo.card(argv[1], root=ROOT.value))
        return
    for name in zoo.names(root=ROOT.value):
        scores = zoo.load_scores(name, root=ROOT.value)
        steps = scores["release"]["steps"]
        found = {metric: scores.get(metric, {}).get("score") for metric in ("factor_vae", "mig", "dci")}
        shown = "  ".join(f"{metric} {score:.3f}" for metric, score in found.items() if score is not None)
        print(f"{name:<28} {steps['trained']:>7,} of {steps['planned']:,} steps  {shown}")
