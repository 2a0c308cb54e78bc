"""Many runs: a study is a grid of experiments that are run side by side, scored, and collected in one table."""

from tfvae.studies.runner import listing, run_study
from tfvae.studies.study import Evaluation, Study
from tfvae.studies.table import read_table

__all__ = ["Evaluation", "Study", "listing", "read_table", "run_study"]
