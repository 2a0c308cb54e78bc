"""Makes a zoo entry from a run, finished or not: exports, scores and draws it, and writes its card.

  python -m tools.release --workdir=runs/beta_vae --name=beta_vae-dsprites
  python -m tools.release --rescore=beta_vae-dsprites
  python -m tools.release --turn=dip_vae_ii-dsprites
  python -m tools.release --redraw=beta_vae-dsprites
  python -m tools.release --table

The encoder goes to saved_models/<name>/<version>, each time as a new version, and the rest to zoo/<name>. The scores
are the exported encoder's. zoo/<name>/notes.md, text for the card's limits, is kept; after editing it, run --table to
write the cards and the tables of README.md and docs/zoo.md again. --rescore scores an entry's exports again,
after a metric has changed; --turn scores them with latents turned by `tfvae.rotate`, for the card; and --redraw draws
the pictures again.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfvae.cli import start

WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder, which is only read.")
NAME = flags.DEFINE_string("name", None, "The entry's name, <model>-<data>.")
VERSION = flags.DEFINE_integer("version", None, "The new version; by default the next.", lower_bound=1)
ROOT = flags.DEFINE_string("root", str(Path(__file__).parent.parent), "The folder that holds zoo/ and saved_models/.")
QUICKLY = flags.DEFINE_bool("quick", False, "Score with fewer images and votes: to try it out, not for a release.")
SEED = flags.DEFINE_integer("seed", 0, "Decides the scores' draws and which images are drawn.", lower_bound=0)
TABLE = flags.DEFINE_bool("table", False, "Only write the cards and tables again, from the scores.")
RESCORE = flags.DEFINE_list("rescore", [], "Only score these entries again, each as a new version of the same weights.")
TURN = flags.DEFINE_list("turn", [], "Only score these entries with their latents turned, see tfvae.rotate.")
REDRAW = flags.DEFINE_list("redraw", [], "Only draw the pictures of these entries again.")


def main(argv: Sequence[str]) -> None:
    from tfvae.loading import load
    from tfvae.release.pictures import draw
    from tfvae.release.publish import release
    from tfvae.release.rescore import rescore_entry, score_turned
    from tfvae.release.tables import refresh

    root = Path(ROOT.value)
    if TABLE.value:
        refresh(root=root)
        print(
            f"Wrote the cards in {root / 'zoo'}, and the tables in {root / 'README.md'} and {root / 'docs' / 'zoo.md'}"
        )
        return
    for name in RESCORE.value:
        version = rescore_entry(name, root=root, quick=QUICKLY.value, seed=SEED.value)
        print(
            f"Scored {root / 'saved_models' / name / str(version)}, see {root / 'zoo' / name / 'card.md'}", flush=True
        )
    for name in TURN.value:
        score_turned(name, root=root, quick=QUICKLY.value, seed=SEED.value)
        print(f"Scored {name} with its latents turned; run --table to write its card", flush=True)
    for name in REDRAW.value:
        exported = load(name)
        draw(exported.capabilities(), exported.load_data(), root / "zoo" / name, SEED.value)
        print(f"Drew the pictures of {root / 'zoo' / name}", flush=True)
    if RESCORE.value or TURN.value or REDRAW.value:
        return
    if WORKDIR.value is None or NAME.value is None:
        raise ValueError(f"Expected --workdir and --name. Received: --workdir={WORKDIR.value}, --name={NAME.value}")
    version = release(
        WORKDIR.value,
        NAME.value,
        root=root,
        version=VERSION.value,
        quick=QUICKLY.value,
        seed=SEED.value,
        report=lambda text: print(f"{text} ...", flush=True),
    )
    print(f"Released {root / 'saved_models' / NAME.value / str(version)}, see {root / 'zoo' / NAME.value / 'card.md'}")


if __name__ == "__main__":
    start.run(sys.modules[__name__])
