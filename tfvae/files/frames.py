"""pandas, which is optional."""

from types import ModuleType


def pandas_module() -> ModuleType:
    """Returns pandas.

    Raises:
        ImportError: if it is not installed.
    """
    try:
        import pandas
    except ImportError:
        raise ImportError("Expected pandas to be installed: pip install tfvae[pandas]") from None
    return pandas
