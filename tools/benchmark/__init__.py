"""How much time and memory this library takes on a machine, table by table. To add one: a file here, a line below."""

from collections.abc import Callable

from tfvae.files.markdown import Table
from tools.benchmark.gpu import gpu_table
from tools.benchmark.growth import growth_table, metrics_growth_table
from tools.benchmark.machine import machine
from tools.benchmark.metrics import metrics_table
from tools.benchmark.models import models_table
from tools.benchmark.serving import serving_table
from tools.benchmark.step import step_table

# (quick, **options) -> Table; quick: sizes and repeats that are just large enough to see that the table is made.
TABLES: dict[str, Callable[..., Table]] = {
    "step": step_table,
    "models": models_table,
    "metrics": metrics_table,
    "growth": growth_table,
    "growth_of_metrics": metrics_growth_table,
    "serving": serving_table,
    "gpu": gpu_table,
}

__all__ = ["TABLES", "Table", "machine"]
