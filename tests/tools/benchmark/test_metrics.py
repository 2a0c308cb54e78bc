"""Metrics in turns with a peer: here one whose files have the names and arguments of disentanglement_lib."""

import pytest

from tools.benchmark import metrics

PEER = """
import gin.tf
import numpy as np


@gin.configurable("points")
def points(count=gin.REQUIRED):
    return count


@gin.configurable("{name}", denylist=["ground_truth_data"])
def {function}(ground_truth_data, representation_function, random_state, artifact_dir=None, {numbers}):
    factors, observations = ground_truth_data.sample(num_train, random_state)
    means = representation_function(observations)
    assert means.shape == (num_train, 6), means.shape
    assert factors.shape == (num_train, 3) and factors.max(axis=0).tolist() == [2, 3, 4]
    return {result}
"""


@pytest.fixture
def peer(tmp_path):
    """A folder of files that return how many points they were asked for, and where the means say factors are."""
    package = tmp_path / "disentanglement_lib" / "evaluation" / "metrics"
    package.mkdir(parents=True)
    for folder in (package, package.parent, package.parent.parent):
        (folder / "__init__.py").write_text("")
    (package / "utils.py").write_text("def _histogram_discretize(target, num_bins):\n    return target\n")
    files = {
        "beta_vae": ("compute_beta_vae_sklearn", ["eval_accuracy"]),
        "factor_vae": ("compute_factor_vae", ["eval_accuracy"]),
        "mig": ("compute_mig", ["discrete_mig"]),
        "dci": ("compute_dci", ["disentanglement"]),
        "sap_score": ("compute_sap", ["SAP_score"]),
        "modularity_explicitness": (
            "compute_modularity_explicitness",
            ["modularity_score", "explicitness_score_test"],
        ),
        "irs": ("compute_irs", ["IRS"]),
        "unsupervised_metrics": (
            "unsupervised_metrics",
            ["gaussian_total_correlation", "gaussian_wasserstein_correlation", "mutual_info_score"],
        ),
    }
    for name, (function, keys) in files.items():
        result = {key: place for place, key in enumerate(keys, 7)}
        numbers = "num_train=gin.REQUIRED, num_bins=gin.REQUIRED, discretizer_fn=gin.REQUIRED"
        text = PEER.format(name=name, function=function, numbers=numbers, result=result)
        (package / f"{name}.py").write_text(text)
    return str(tmp_path)


def test_each_metric_is_timed_beside_that_of_the_peer(peer):
    table = metrics.metrics_table(quick=True, peer=peer)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    timed = {name for row in rows for name in row["metric"].split(", ")}
    assert timed == {*metrics._OURS}
    for row in rows:
        theirs, ours = row["disentanglement_lib: CPU ms"], row["CPU ms a draw"]
        assert row["times ours"] == pytest.approx(theirs / ours)
        names = row["metric"].split(", ")
        assert row["its scores"] == ", ".join(f"{7 + place}.000" for place in range(len(names)))
        assert len(row["our scores"].split(", ")) == len(names)


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(OSError, match=r"Expected a folder that has disentanglement_lib/evaluation.*Received: "):
        metrics.metrics_table(quick=True, peer=str(tmp_path))
