import numpy as np
import pytest

from tfvae import data as tfvae_data
from tfvae.data import dependence
from tfvae.data.batches import batches
from tfvae.data.dependence import correlated, held_out
from tfvae.data.factor_table import FactorTable
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.images import ImageData


def ground_truth(sizes=(1, 4, 8, 5)) -> GroundTruthData:
    """Images whose bytes are their place."""
    factors = FactorSpace(("one", "shape", "x", "y"), tuple(np.arange(float(size)) for size in sizes))
    images = np.arange(len(factors), dtype="<u4").view(np.uint8).reshape(-1, 1, 1, 4)
    return GroundTruthData("grid", factors, images)


def places(view: GroundTruthData) -> np.ndarray:
    return np.ascontiguousarray(view.images(np.arange(len(view)))).view("<u4").ravel().astype(np.int64)


@pytest.mark.parametrize("strength", [0.1, 0.2, 0.7, 1e6])
def test_two_factors_have_the_density_and_the_others_are_uniform(strength):
    data = ground_truth()
    view = correlated(data, "shape", "x", strength, size=200_000)
    drawn = data.factors.to_factors(places(view))
    density = np.array([[np.exp(-((a / 3 - b / 7) ** 2) / (2 * strength**2)) for b in range(8)] for a in range(4)])
    density /= density.sum()
    empirical = np.zeros((4, 8, 5))
    np.add.at(empirical, tuple(drawn[:, 1:].T), 1 / len(view))
    # Each image occurs as often as expected, up to one.
    expected = np.broadcast_to(density[..., np.newaxis] / 5, empirical.shape)
    np.testing.assert_allclose(empirical, expected, atol=1.001 / 200_000)


def test_correlation_grows_as_strength_shrinks():
    data = ground_truth((1, 10, 10, 3))
    measured = []
    for strength in (10.0, 0.7, 0.4, 0.2, 0.05):
        drawn = data.factors.to_factors(places(correlated(data, "shape", "x", strength, size=50_000)))
        measured.append(np.corrcoef(drawn[:, 1], drawn[:, 2])[0, 1])
    assert abs(measured[0]) < 0.02
    assert measured[-1] > 0.95
    assert (np.diff(measured) > 0.1).all()


def test_a_small_sample_does_not_favour_a_value_of_another_factor():
    """With fewer places than images, the choice among equal images must not follow their order."""
    data = ground_truth((1, 8, 8, 64))
    drawn = data.factors.to_factors(places(correlated(data, "shape", "x", 0.5, size=1024)))
    counts = np.bincount(drawn[:, 3], minlength=64)
    # 16 expected of each, with a variance of at most 16: chi squared of 63 degrees of freedom; five deviations.
    assert ((counts - 16) ** 2 / 16).sum() < 63 + 5 * np.sqrt(2 * 63)
    assert counts.max() < 40


def test_a_very_small_strength_leaves_the_nearest_pairs():
    data = ground_truth((1, 4, 7, 2))
    drawn = data.factors.to_factors(places(correlated(data, "shape", "x", 1e-4)))
    np.testing.assert_array_equal(2 * drawn[:, 1], drawn[:, 2])


def test_the_factors_of_a_view_are_those_of_its_images():
    data = ground_truth()
    view = correlated(data, "shape", "x", 0.3)
    indices = np.array([3, 100, 7])
    expected = data.factors.values_of(places(view)[indices])
    np.testing.assert_array_equal(view.factors.values_of(indices), expected)
    assert view.name == "grid?correlated=shape,x,0.3"
    assert len(view) == len(data)


def test_views_of_a_table():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 3, (300, 2)) * [1, 2]
    images = np.arange(300, dtype="<u4").view(np.uint8).reshape(-1, 1, 1, 4)
    data = GroundTruthData("table", FactorTable(("a", "b"), table), images)
    drawn = table[places(correlated(data, "a", "b", 0.5, size=90_000))] // [1, 2]
    density = np.exp(-(np.subtract.outer(np.arange(3) / 2, np.arange(3) / 2) ** 2) / 0.5)
    empirical = np.histogram2d(*drawn.T, bins=3)[0] / 90_000
    np.testing.assert_allclose(empirical, density / density.sum(), atol=2e-3)
    left = table[places(held_out(data, {"a": [0], "b": [1, 2]}))]
    assert len(left) == (~((table[:, 0] == 0) & (table[:, 1] >= 2))).sum()


def test_held_out_combinations_never_occur_and_all_others_occur_once():
    data = ground_truth()
    view = held_out(data, {"shape": [2], "x": range(4, 8)})
    factors = data.factors.to_factors(np.arange(len(data)))
    out = (factors[:, 1] == 2) & (factors[:, 2] >= 4)
    np.testing.assert_array_equal(places(view), np.flatnonzero(~out))
    assert view.name == "grid?held_out=shape:2,x:4|5|6|7"
    epoch = np.concatenate([batch[:, 0, 0] for batch in batches(view, 20, seed=3, steps=7).as_numpy_iterator()])
    seen = np.round(255 * epoch).astype(np.uint8).view("<u4").ravel()
    np.testing.assert_array_equal(np.sort(seen), np.flatnonzero(~out))


def test_different_views_have_different_digests():
    data = ground_truth()
    views = [
        data,
        correlated(data, "shape", "x", 0.2),
        correlated(data, "shape", "x", 0.3),
        correlated(data, "x", "y", 0.2),
        correlated(data, "shape", "x", 0.2, seed=1),
        held_out(data, {"shape": [1]}),
        held_out(data, {"shape": [2]}),
    ]
    assert len({view.digest for view in views}) == len(views)
    assert correlated(data, "shape", "x", 0.2).digest == views[1].digest


def test_views_by_name(monkeypatch):
    monkeypatch.setitem(tfvae_data.DATASETS, "grid", ground_truth)
    data = ground_truth()
    for name, expected in {
        "grid?correlated=shape,x,0.2": correlated(data, "shape", "x", 0.2),
        "grid?held_out=shape:2,x:4..7": held_out(data, {"shape": [2], "x": range(4, 8)}),
        "grid?held_out=x:0|3..5": held_out(data, {"x": [0, 3, 4, 5]}),
    }.items():
        assert tfvae_data.load(name).digest == expected.digest
        # A view's own name loads it again.
        assert tfvae_data.load(expected.name).digest == expected.digest


def test_views_need_known_factors():
    data = ImageData("alone", np.zeros((5, 1, 1, 1), np.uint8))
    with pytest.raises(ValueError, match=r"Expected data with known factors for held_out\. Received: 'alone'"):
        dependence.view(data, "held_out=shape:1")
    with pytest.raises(ValueError, match=r"Expected data with known factors for correlated\. Received: 'alone'"):
        correlated(data, "shape", "x", 0.2)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("", r"Expected one of \['correlated=FACTOR"),
        ("shuffled=x", r"Received: 'shuffled=x'"),
        ("correlated=shape,x", r"such as correlated=scale,posX,0\.2\. Received: 'correlated=shape,x'"),
        ("correlated=shape,x,strong", r"Received: 'correlated=shape,x,strong'"),
        ("correlated=shape,x,0.2,1", r"Received: 'correlated=shape,x,0\.2,1'"),
        ("correlated=shape,x,0", r"Expected strength > 0"),
        ("correlated=shape,x,nan", r"Expected strength > 0"),
        ("correlated=shape,shape,1", r"Expected two different factors"),
        ("correlated=shape,z,1", r"Expected a factor out of \['shape', 'x', 'y'\]\. Received: 'z'"),
        ("correlated=one,x,1", r"Expected a factor out of \['shape', 'x', 'y'\]\. Received: 'one'"),
        ("held_out=shape", r"Expected held_out=FACTOR:VALUES.*Received: 'held_out=shape'"),
        ("held_out=shape:1,shape:2", r"Expected held_out=FACTOR"),
        ("held_out=shape:a", r"Expected held_out=FACTOR"),
        ("held_out=shape:4", r"Expected values of shape in 0 \.\. 3\. Received: shape=\[4\]"),
        ("held_out=x:5..2", r"Expected values of x in 0 \.\. 7\. Received: x=\[\]"),
        ("held_out=shape:0..3", r"which all of them have"),
    ],
)
def test_wrong_options(monkeypatch, option, message):
    with pytest.raises(ValueError, match=message):
        dependence.view(ground_truth(), option)
