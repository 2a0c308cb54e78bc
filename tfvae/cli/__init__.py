"""The console command `tfvae`. A subcommand is a file here and a line in `COMMANDS`."""

import importlib
import os
import sys
from collections.abc import Sequence

COMMANDS = {
    "train": "train a model, or resume a training that was interrupted",
    "evaluate": "score a model: metrics, reconstruction error, KL of each latent",
    "encode": "write the codes of all images as CSV, Parquet or NumPy arrays",
    "traverse": "draw what each latent of a model does",
    "generate": "draw samples of a model, or reconstructions under other noise",
    "report": "write one HTML page about a model",
    "export": "export an encoder or decoder as SavedModel, TFLite or ONNX",
    "study": "run a grid of experiments with several seeds, and plot the results",
    "serve": "serve exported models on this machine, for development",
    "deploy": "write the files that run TensorFlow Serving with Docker or Kubernetes",
    "zoo": "list the pretrained models, or describe one",
}


def main(argv: Sequence[str] | None = None) -> None:
    """Runs one command.

    Args:
        argv: the command and its flags, without the program's name; by default those of the process.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        _print(_overview())
        return
    if arguments[0] == "--version":
        from tfvae import __version__

        _print(f"tfvae {__version__}")
        return
    name, *flags = arguments
    if name not in COMMANDS:
        sys.exit(f"Error: Expected a command out of {', '.join(COMMANDS)}. Received: {name}")
    try:
        from tfvae.cli import start

        start.run(importlib.import_module(f"tfvae.cli.{name}"), ["tfvae " + name, *flags])
    except KeyboardInterrupt:  # before the command itself has begun
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)


def _print(text: str) -> None:
    """Prints, and ends quietly if the reader has closed the pipe, as `tfvae --help | head -1` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines = (f"  {name:<{width}}  {what}" for name, what in COMMANDS.items())
    return "\n".join(
        [
            "Usage: tfvae COMMAND [--flag=value ...]",
            "",
            "Commands:",
            *lines,
            "",
            "tfvae COMMAND --help shows its flags.",
        ]
    )
