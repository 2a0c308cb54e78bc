import itertools

import numpy as np
import pytest

from tfvae.data.factors import FactorSpace


@pytest.fixture
def space() -> FactorSpace:
    return FactorSpace(("shape", "hue", "size"), (np.arange(2.0), np.linspace(0.0, 1.0, 3), np.arange(4.0)))


def test_grid_is_in_c_order(space):
    grid = np.array(list(itertools.product(range(2), range(3), range(4))))
    assert space.sizes == (2, 3, 4)
    assert len(space) == 24
    np.testing.assert_array_equal(space.to_index(grid), np.arange(24))
    np.testing.assert_array_equal(space.to_factors(np.arange(24)), grid)
    assert space.to_index(grid).dtype == space.to_factors(np.arange(24)).dtype == np.int64


def test_no_rows(space):
    assert space.to_index(np.zeros((0, 3), np.int32)).shape == (0,)
    assert space.to_factors(np.zeros(0, np.int32)).shape == (0, 3)
    assert space.sample_factors(0, np.random.default_rng(0)).shape == (0, 3)


def test_samples_are_uniform_and_independent(space):
    draws = 24_000
    index = space.to_index(space.sample_factors(draws, np.random.default_rng(0)))
    counts = np.bincount(index, minlength=24)
    # A count is binomial with mean 1000 and deviation 31: six deviations.
    np.testing.assert_allclose(counts, 1000, atol=186)


def test_samples_depend_only_on_the_generator(space):
    first, same, other = (space.sample_factors(50, np.random.default_rng(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_fixed_factors_do_not_change_the_others(space):
    free = space.sample_factors(100, np.random.default_rng(1))
    fixed = space.sample_factors(100, np.random.default_rng(1), fix={"hue": 2})
    np.testing.assert_array_equal(fixed[:, 1], 2)
    np.testing.assert_array_equal(fixed[:, [0, 2]], free[:, [0, 2]])


def test_traversal(space):
    np.testing.assert_array_equal(space.traversal(np.array([1, 2, 3]), "hue"), [[1, 0, 3], [1, 1, 3], [1, 2, 3]])


@pytest.mark.parametrize(
    ("factors", "error", "message"),
    [
        ([[0, 3, 0]], ValueError, r"Expected hue in 0 \.\. 2\. Received: hue=3"),
        ([[0, 0, 0], [-1, 0, 0]], ValueError, r"Expected shape in 0 \.\. 1\. Received: shape=-1"),
        ([[0, 0]], ValueError, r"Expected factors of shape \[N, 3\]\. Received: shape=\(1, 2\)"),
        ([0, 0, 0], ValueError, r"Expected factors of shape \[N, 3\]\. Received: shape=\(3,\)"),
        ([[0.0, 0.0, 0.0]], TypeError, "integer dtype. Received: dtype=float64"),
    ],
)
def test_wrong_factors(space, factors, error, message):
    with pytest.raises(error, match=message):
        space.to_index(np.array(factors))


@pytest.mark.parametrize(
    ("indices", "error", "message"),
    [
        ([0, 24], IndexError, r"Expected indices in 0 \.\. 23\. Received: index=24"),
        ([-1], IndexError, r"Expected indices in 0 \.\. 23\. Received: index=-1"),
        ([[0]], ValueError, r"Expected indices of shape \[N\]\. Received: shape=\(1, 1\)"),
        ([0.5], TypeError, "integer dtype. Received: dtype=float64"),
    ],
)
def test_wrong_indices(space, indices, error, message):
    with pytest.raises(error, match=message):
        space.to_factors(np.array(indices))


@pytest.mark.parametrize(
    ("fix", "error", "message"),
    [
        ({"colour": 0}, ValueError, r"Expected a factor out of \['shape', 'hue', 'size'\]\. Received: name='colour'"),
        ({"size": 4}, ValueError, r"Expected size in 0 \.\. 3\. Received: size=4"),
        ({"size": -1}, ValueError, r"Expected size in 0 \.\. 3\. Received: size=-1"),
        ({"size": 1.5}, TypeError, "Received: size=1.5"),
    ],
)
def test_wrong_factors_to_fix(space, fix, error, message):
    with pytest.raises(error, match=message):
        space.sample_factors(2, np.random.default_rng(0), fix)


def test_negative_number_of_samples(space):
    with pytest.raises(ValueError, match=r"Expected n >= 0\. Received: n=-1"):
        space.sample_factors(-1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("factors", "name", "message"),
    [
        ([0, 0, 0], "colour", "Received: name='colour'"),
        ([0, 0], "hue", r"Expected factors of shape \[3\]\. Received: shape=\(2,\)"),
        ([0, 0, 9], "hue", "Received: size=9"),
    ],
)
def test_wrong_traversal(space, factors, name, message):
    with pytest.raises(ValueError, match=message):
        space.traversal(np.array(factors), name)


@pytest.mark.parametrize(
    ("names", "values", "message"),
    [
        (("a",), (), "one array of values for each of one or more names"),
        ((), (), "one array of values for each of one or more names"),
        (("a", "a"), (np.ones(2), np.ones(2)), "names that are all different"),
        (("a",), (np.ones(0),), r"values of shape \[size >= 1\] for 'a'"),
        (("a",), (np.ones((2, 2)),), r"values of shape \[size >= 1\] for 'a'"),
    ],
)
def test_wrong_space(names, values, message):
    with pytest.raises(ValueError, match=message):
        FactorSpace(names, values)


def test_partners_are_uniform_among_images_that_share_the_value(space):
    rng = np.random.default_rng(0)
    for column in range(3):
        partners = space.partners(np.full(24_000, 13), column, rng)
        sharing = np.flatnonzero(
            space.to_factors(np.arange(24))[:, column] == space.to_factors(np.array([13]))[0, column]
        )
        counts = np.bincount(partners, minlength=24)
        assert counts.sum() == counts[sharing].sum()
        # Five standard errors of a binomial's share.
        expected = 24_000 / len(sharing)
        np.testing.assert_allclose(counts[sharing], expected, atol=5 * expected**0.5)
    with pytest.raises(IndexError):
        space.partners(np.array([24]), 0, rng)
