import re

import numpy as np
import pytest

from tfvae.data import (
    FactorSpace,
    FactorTable,
    GroundTruthData,
    ImageData,
    batches,
    load,
    paired,
    register_data,
    sources,
)

SIZES = (1, 3, 4, 5)
GRID = FactorSpace(["one", "a", "b", "c"], [range(size) for size in SIZES])
EVERY = np.arange(len(GRID))


def numbered(n):
    """Images whose pixels are their places."""
    return np.arange(n, dtype=np.uint16).view(np.uint8).reshape(n, 2, 1, 1)


def places_of(images):
    return (np.round(255 * images[..., 0, 0, 0]) + 256 * np.round(255 * images[..., 1, 0, 0])).astype(int)


def grid():
    return GroundTruthData("grid", GRID, numbered(len(GRID)))


def table(keep=lambda rows: np.ones(len(rows), bool)):
    """The same factors as a table, of some of the images."""
    rows = GRID.to_factors(EVERY)[::-1]
    rows = rows[keep(rows)]
    return GroundTruthData("table", FactorTable(GRID.names, rows, continuous=[False] * 4), numbered(len(rows)))


def changed(data, pairs, draws=4000, seed=0):
    """Which factors differ between random images and their partners: bool [draws, K]; and the factors of both."""
    rng = np.random.default_rng(seed)
    indices = rng.integers(len(data), size=draws)
    ranks = [data.factors.values_of(each) for each in (indices, paired(data, pairs).pairing(indices, rng))]
    return ranks[0] != ranks[1], *ranks


@pytest.mark.parametrize("make", [grid, table])
@pytest.mark.parametrize("count", [1, 2, "random"])
def test_as_many_factors_as_asked_for_are_drawn_again(make, count):
    found, _, partner = changed(make(), count, draws=20_000)
    counts = {1: [1], 2: [2], "random": [1, 2]}[count]
    assert found.sum(axis=1).max() == max(counts)
    # A factor is drawn again with probability E[k] / 3, and is then another one of its values with 1 - 1 / size.
    expected = np.mean(counts) / 3 * (1 - 1 / np.array(SIZES))
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=4 * np.sqrt(0.25 / 20_000))
    for column, size in enumerate(SIZES):
        share = np.bincount(partner[:, column].astype(int), minlength=size) / len(partner)
        np.testing.assert_allclose(share, 1 / size, atol=4 * np.sqrt(0.25 / 20_000))


@pytest.mark.parametrize("make", [grid, table])
def test_each_number_of_changes_is_as_likely_as_another_where_it_is_random(make):
    # In pairs of which two factors are drawn again, both differ with (1 - 1 / s)(1 - 1 / t).
    both = np.mean([(1 - 1 / s) * (1 - 1 / t) for s, t in [(3, 4), (3, 5), (4, 5)]])
    found, _, _ = changed(make(), "random", draws=20_000)
    assert np.mean(found.sum(axis=1) == 2) == pytest.approx(both / 2, abs=4 * np.sqrt(0.25 / 20_000))


def test_partners_in_a_table_are_all_images_that_share_the_other_factors():
    data = table(keep=lambda rows: rows[:, 1] + rows[:, 2] < 4)
    rows = data.factors.values_of(np.arange(len(data)))
    rng = np.random.default_rng(0)
    view = paired(data, 1)
    for image in (0, 7, 20):
        same = (rows == rows[image]).sum(axis=1)
        expected = set(np.flatnonzero(same >= 3))
        assert set(view.pairing(np.full(3000, image), rng)) == expected


def test_a_view_is_the_same_data_but_for_its_name():
    data = grid()
    view = paired(data, 2)
    assert (view.name, view.digest, view.factors, data.pairing) == ("grid?pairs=2", data.digest, data.factors, None)
    np.testing.assert_array_equal(view.images(EVERY), data.images(EVERY))


def test_frames_are_paired_with_the_next_one_of_their_folder():
    data = ImageData("video", numbered(7))
    rng = np.random.default_rng(0)
    assert paired(data, "consecutive").pairing(np.arange(7), rng).tolist() == [1, 2, 3, 4, 5, 6, 5]
    data.files = ("a/10.png", "a/9.png", "a/frame.png", "b/2.png", "b/1.png", "a/11.png", "c/alone.png")
    # a: 9, 10, 11, frame; b: 1, 2.
    assert paired(data, "consecutive").pairing(np.arange(7), rng).tolist() == [5, 0, 5, 4, 3, 2, 6]


def test_an_option_of_any_name_makes_pairs_within_a_part(monkeypatch):
    monkeypatch.setattr(sources, "DATASETS", {})
    register_data("grid")(grid)
    assert load("grid?pairs=random").name == "grid?pairs=random"
    part = load("grid?split=train&validation=0.3&pairs=1")
    assert part.name == "grid?split=train&validation=0.3?pairs=1"
    assert len(part) < len(GRID)
    partners = part.pairing(np.arange(len(part)), np.random.default_rng(0))
    own, others = (part.factors.values_of(each) for each in (np.arange(len(part)), partners))
    assert (own != others).sum(axis=1).max() == 1


@pytest.mark.parametrize(
    ("make", "pairs", "message"),
    [
        (grid, 0, r"in 1 \.\. 2, .*\['a', 'b', 'c'\]\. Received: pairs=0"),
        (grid, 3, r"in 1 \.\. 2, .*Received: pairs=3"),
        (grid, True, "Received: pairs=True"),
        (grid, "next", "'consecutive', a CSV file .*Received: pairs='next'"),
        (grid, 1.0, r"Received: pairs=1\.0"),
        (grid, np.zeros([3, 3], int), r"Received: shape=\(3, 3\), dtype=int64"),
        (grid, np.zeros([3, 2]), r"Received: shape=\(3, 2\), dtype=float64"),
        (lambda: ImageData("bare", numbered(4)), 1, "known factors .*Received: 'bare', which has none"),
        (lambda: ImageData("bare", numbered(1)), "consecutive", "two images or more .*Received: 1"),
    ],
)
def test_what_makes_no_pairs_is_refused(make, pairs, message):
    with pytest.raises(ValueError, match=message):
        paired(make(), pairs)


def test_images_of_which_no_two_share_a_factor_are_refused():
    values = np.random.default_rng(0).random((30, 3))
    with pytest.raises(ValueError, match=r"30 images, of which no two do, with pairs=random"):
        paired(GroundTruthData("unlike", FactorTable(list("abc"), values), numbered(30)), "random")
    alone = ImageData("alone", numbered(3))
    alone.files = ("a/x.png", "b/y.png", "c/z.png")
    with pytest.raises(ValueError, match="one image in each folder"):
        paired(alone, "consecutive")


def test_batches_have_each_image_and_a_partner_that_differs_from_epoch_to_epoch():
    view = paired(grid(), 1)
    epochs = []
    for start in (0, 6):
        found = np.concatenate(
            [places_of(batch.numpy()) for batch in batches(view, 10, start=start, steps=6, paired=True)]
        )
        assert found.shape == (60, 2)
        assert sorted(found[:, 0]) == list(EVERY)
        own, others = (GRID.to_factors(found[:, image]) for image in (0, 1))
        assert (own != others).sum(axis=1).max() == 1
        epochs.append(found[np.argsort(found[:, 0]), 1])
    assert np.mean(epochs[0] != epochs[1]) > 0.5
    single = [places_of(batch.numpy()) for batch in batches(view, 10, steps=6)]
    both = [places_of(batch.numpy())[:, 0] for batch in batches(view, 10, steps=6, paired=True)]
    np.testing.assert_array_equal(single, both)


@pytest.mark.parametrize("as_indices", [False, True])
def test_shards_and_later_starts_have_the_pairs_of_the_whole(as_indices):
    view, kind = paired(grid(), "random"), {"paired": True, "as_indices": as_indices, "seed": 5}
    whole = [batch.numpy() for batch in batches(view, 12, steps=7, **kind)]
    assert whole[0].shape == ((12, 2) if as_indices else (12, 2, 2, 1, 1))
    parts = [
        [batch.numpy() for batch in batches(view, 12, start=4, steps=3, shard=i, num_shards=3, **kind)]
        for i in range(3)
    ]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole[4:])
    other = next(iter(batches(view, 12, paired=True, as_indices=as_indices, seed=6))).numpy()
    assert np.any(other != whole[0])


def test_each_step_of_each_seed_draws_partners_of_its_own():
    view = paired(grid(), 1)
    view.pairing = lambda indices, rng: rng.integers(0, 60, len(indices))
    kind = {"steps": 2, "paired": True, "as_indices": True}
    drawn = [batch.numpy()[:, 1] for seed in (0, 1) for batch in batches(view, 20, seed=seed, **kind)]
    assert len({tuple(partners) for partners in drawn}) == 4


@pytest.mark.parametrize("data", [grid(), numbered(8), ImageData("bare", numbered(8))])
def test_batches_of_pairs_need_to_know_which_images_are_pairs(data):
    with pytest.raises(ValueError, match=re.escape("such as tfvae.data.paired(data, 1). Received: a")):
        batches(data, 4, paired=True)
