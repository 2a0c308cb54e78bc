import numpy as np

from tfvae.codes.outputs import checked_outputs


def test_outputs_are_float32_arrays_by_name():
    found = checked_outputs({"mean": [[1, 2]], "log_variance": None, "probabilities": [[0.25, 0.75]], "z": 3}, 1)
    assert {name: array.tolist() for name, array in found.items()} == {
        "mean": [[1, 2]],
        "probabilities": [[0.25, 0.75]],
    }
    assert {array.dtype for array in found.values()} == {np.dtype(np.float32)}


def test_an_array_is_the_means():
    np.testing.assert_array_equal(checked_outputs(np.eye(3), 3)["mean"], np.eye(3))
