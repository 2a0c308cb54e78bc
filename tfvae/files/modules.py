"""Python modules that a user names: they register models, metrics and data of their own."""

import importlib
import sys
from collections.abc import Iterable


def import_modules(names: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Imports modules, so that what they register is known by name.

    Args:
        names: of modules, as in an `import` statement.
        folders: where to look first. They stay on `sys.path`, so that processes which inherit it find the modules too.

    Raises:
        ImportError: naming the first module that cannot be imported, and why.
    """
    folders = [str(folder) for folder in folders]
    for name in names:
        sys.path[:0] = [folder for folder in folders if folder not in sys.path]
        try:
            importlib.import_module(name)
        except Exception as error:  # a module may raise anything
            where = " or ".join(folders) or "the path"
            raise ImportError(
                f"Expected a Python module that can be imported, from {where}. "
                f"Received: {name!r}, {type(error).__name__}: {error}"
            ) from error
