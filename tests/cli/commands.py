"""Runs commands in the process of the tests."""

import importlib
import sys

from absl import flags


def run(name, *arguments):
    """Runs `tfvae NAME ARGUMENTS` without its start: errors are raised."""
    module = importlib.import_module(f"tfvae.cli.{name}")
    try:
        given = flags.FLAGS([f"tfvae {name}", *map(str, arguments)])
        module.main(given)
    finally:
        # Other commands define flags of the same names.
        for flag in flags.FLAGS.get_key_flags_for_module(module):
            delattr(flags.FLAGS, flag.name)
        del sys.modules[module.__name__]
