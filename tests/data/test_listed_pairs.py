import numpy as np
import pytest

from tfvae.data import FactorSpace, GroundTruthData, ImageData, paired

PAIRS = np.array([[0, 4], [4, 5], [2, 0]])


def data(files=False):
    images = ImageData("mine", np.arange(8, dtype=np.uint8).reshape(8, 1, 1, 1) * 9)
    images.files = tuple(f"photos/{k}.png" for k in range(8)) if files else None
    return images


def partners(view):
    """For each image its possible partners, both by their places in all of the data."""
    rng = np.random.default_rng(0)
    drawn = np.stack([view.pairing(np.arange(len(view)), rng) for _ in range(60)])
    places = view.images(np.arange(len(view))).ravel() // 9
    return {int(places[image]): set(places[drawn[:, image]].tolist()) for image in range(len(view))}


def test_listed_images_have_their_partners_and_the_others_are_left_out():
    expected = {0: {2, 4}, 2: {0}, 4: {0, 5}, 5: {4}}
    assert partners(paired(data(), PAIRS)) == expected
    labelled = GroundTruthData("mine", FactorSpace("ab", [range(2), range(4)]), data().images(np.arange(8)))
    view = paired(labelled, PAIRS)
    assert partners(view) == expected
    assert view.factors.values_of(np.arange(4)).tolist() == [[0, 0], [0, 2], [1, 0], [1, 1]]


@pytest.mark.parametrize("header", ["", "first,second\n"])
@pytest.mark.parametrize("files", [False, True])
def test_a_csv_file_lists_names_of_files_or_places(header, files, tmp_path):
    names = [f"photos/{k}.png" if files else str(k) for k in range(8)]
    lines = [f"{names[first]},{names[second]}\n" for first, second in PAIRS]
    (tmp_path / "pairs.csv").write_text(header + "\n".join(lines), encoding="utf-8-sig")
    view = paired(data(files), str(tmp_path / "pairs.csv"))
    assert partners(view) == partners(paired(data(), PAIRS))
    assert view.name == f"mine?pairs={tmp_path / 'pairs.csv'}"
    assert view.files == (tuple(names[k] for k in (0, 2, 4, 5)) if files else None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0,1\n0,8\n", r"two places 0 \.\. 7 in each line of .*Received: \['0', '8'\] in line 2"),
        ("0,1,2\n", r"Received: \['0', '1', '2'\] in line 1"),
        ("", "one pair or more. Received: none"),
        ("first,second\n", "one pair or more. Received: none"),
        (None, r"a CSV file\. Received: pairs='.*\.csv': .*No such file"),
    ],
)
def test_a_file_without_pairs_of_the_data_is_refused(text, message, tmp_path):
    if text is not None:
        (tmp_path / "pairs.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        paired(data(), str(tmp_path / "pairs.csv"))


def test_places_out_of_range_are_refused():
    for pairs in ([[0, 8]], [[-1, 2]]):
        with pytest.raises(ValueError, match=r"in 0 \.\. 7\. Received: places from"):
            paired(data(), np.array(pairs))
