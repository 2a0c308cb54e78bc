"""Measures how much time and memory this library takes on this machine, and prints tables in Markdown.

  python -m tools.benchmark
  python -m tools.benchmark step --threads=1 --torch=torchenv/bin/python --output=step.json

Without names, all tables are made: step, models, metrics, growth and serving, and gpu where TensorFlow sees one. The
rows of a table, but for those of gpu, take turns, so that other work on the machine affects all of them equally; for
figures to publish, there should be no other work.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from tfvae.cli import start

ARGUMENTS = "names ..."
OUTPUT = flags.DEFINE_string("output", None, "A .json or .md file to write the tables to as well.")
PEER = flags.DEFINE_string("peer", None, "A folder that has disentanglement_lib, to compare its metrics with ours.")
TORCH = flags.DEFINE_string("torch", None, "A Python that has PyTorch, to compare its steps with ours.")
QUICKLY = flags.DEFINE_bool("quick", False, "Tiny sizes and few repeats: to see that it works, not to report.")
THREADS = flags.DEFINE_integer("threads", None, "Threads of an operation of TensorFlow; by default all cores.", 1)


def main(argv: Sequence[str]) -> None:
    import tensorflow as tf

    from tfvae.files.atomic import written_whole
    from tools.benchmark import TABLES, machine

    gpus = tf.config.list_physical_devices("GPU")
    names = argv[1:] or [name for name in TABLES if gpus or name != "gpu"]
    if unknown := sorted(set(names) - set(TABLES)):
        raise ValueError(f"Expected tables out of {sorted(TABLES)}. Received: {unknown}")
    output = Path(OUTPUT.value) if OUTPUT.value else None
    if output and output.suffix not in (".json", ".md"):
        raise ValueError(f"Expected --output to end in .json or .md. Received: {output}")
    tf.get_logger().setLevel("ERROR")  # it warns of many traces, but each model is traced once
    if THREADS.value:
        tf.config.threading.set_intra_op_parallelism_threads(THREADS.value)
        tf.config.threading.set_inter_op_parallelism_threads(THREADS.value)
    text = "; ".join(f"{name} {value}" for name, value in machine().items()) + "\n"
    print(text)
    options = {"step": {"torch": TORCH.value}, "metrics": {"peer": PEER.value}}
    tables = {}
    for name in names:
        tables[name] = TABLES[name](QUICKLY.value, **options.get(name, {}))
        print(tables[name].to_markdown(), flush=True)
    if output:
        with written_whole(output) as beside:
            if output.suffix == ".json":
                content = {"machine": machine(), "tables": {name: table.to_dict() for name, table in tables.items()}}
                beside.write_text(json.dumps(content, indent=1) + "\n")
            else:
                beside.write_text("\n".join([text, *(table.to_markdown() for table in tables.values())]))


if __name__ == "__main__":
    start.run(sys.modules[__name__])
