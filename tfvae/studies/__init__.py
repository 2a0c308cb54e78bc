"""Many runs: a study is a grid of experiments that are run side by side, scored, and collected in one table."""

from tfvae.studies.comparison import Difference, names_of, paired_tests, results, to_latex
from tfvae.studies.runner import listing, run_study
from tfvae.studies.study import Evaluation, Study
from tfvae.studies.table import read_table

__all__ = [
    "Difference",
    "Evaluation",
    "Study",
    "listing",
    "names_of",
    "paired_tests",
    "read_table",
    "results",
    "run_study",
    "to_latex",
]
