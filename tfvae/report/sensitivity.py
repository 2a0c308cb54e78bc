"""The part of a page on how two metrics depend on their parameters."""

from tfvae.analysis.sensitivity import FIGURE_16, FIGURE_17, sensitivity
from tfvae.plots.axes import svg
from tfvae.plots.sensitivity import plot_sensitivity
from tfvae.report.contents import Contents, Subject

_NAME = "sensitivity of the metrics"


def add_sensitivity(contents: Contents, subject: Subject) -> None:
    """Adds the sensitivity of the metrics of Figures 16 and 17, where the page has their scores."""
    if subject.quick:
        contents.skip(_NAME, "this is a quick report")
        return
    metrics = [figure["metric"] for figure in (FIGURE_16, FIGURE_17)]
    if not set(metrics) <= {row["name"] for row in contents.scores}:
        contents.skip(_NAME, f"{' and '.join(metrics)} were not both scored")
        return
    analyses = [sensitivity(subject.codes, **figure, seeds=5, seed=subject.seed) for figure in (FIGURE_16, FIGURE_17)]
    contents.figures.append(
        {
            "id": "sensitivity",
            "title": "Sensitivity of the metrics",
            "svg": svg(plot_sensitivity(analyses), "sensitivity"),
            "caption": "Scores of this model for other parameters of the metrics; bars are one standard deviation "
            "over 5 seeds (Figures 16 and 17 of the paper).",
        }
    )
