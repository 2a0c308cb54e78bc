import numpy as np
import pytest

from tfvae.plots.ranges import column_labels, range_label, shared


@pytest.mark.parametrize(
    ("values", "label"),
    [
        ([-2.0, 0.0, 2.0], "-2.0 to 2.0"),
        ([-3.456, -1.111], "-3.5 to -1.1"),
        ([0.01, 0.04], "0.010 to 0.040"),
        ([99.97, 100.03], "99.970 to 100.030"),
        ([-120.0, 340.0], "-120 to 340"),
        ([-1e-9, 1.0], "0.0 to 1.0"),
        ([0.5, 0.5], "0.5 to 0.5"),
    ],
)
def test_a_range_is_written_as_precisely_as_it_is_wide(values, label):
    assert range_label(np.array(values)) == label


def test_columns_are_named_by_their_values_only_where_all_latents_share_them():
    same, other = np.array([[-0.5, 0.5], [-0.5, 0.5]]), np.array([[-0.5, 0.0, 0.5], [-0.4, 0.0, 0.4]])
    assert (shared(same), column_labels(same)) == (True, ["-0.5", "0.5"])
    assert (shared(other), column_labels(other)) == (False, ["-2.0 sd", "0.0 sd", "2.0 sd"])
