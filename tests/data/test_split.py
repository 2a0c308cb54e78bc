import subprocess
import sys

import numpy as np
import pytest

import tfvae.data
from tfvae.data import FactorSpace, FactorTable, GroundTruthData, ImageData, sources
from tfvae.data.split import _mixed, split

N = 400
IMAGES = np.arange(N, dtype=np.uint16).view(np.uint8).reshape(N, 2, 1, 1)
FILES = tuple(f"photo {k}.jpg" for k in range(N))
ROWS = np.column_stack([np.arange(N) % 2, np.arange(N)])
LABELLED = FactorTable(["kind", "age"], ROWS, labels={"kind": ["cat", "dog"]})


def files(data):
    data.files = FILES
    return data


KINDS = {
    "images": lambda: ImageData("mine", IMAGES),
    "vectors": lambda: ImageData("mine", np.arange(N)[:, np.newaxis] * 1.0),
    "grid": lambda: GroundTruthData("mine", FactorSpace(["x", "y"], [range(20), range(20)]), IMAGES),
    "labels": lambda: GroundTruthData("mine", LABELLED, IMAGES),
    "files": lambda: files(ImageData("mine", IMAGES)),
}


def numbers(data):
    """The place that each image has in all of the data, which its pixels spell."""
    images = data.images(np.arange(len(data)))
    return images[:, 0].astype(int) if images.ndim == 2 else images.reshape(-1, 2).view("<u2")[:, 0].astype(int)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fraction", [None, 0.3])
def test_the_parts_are_disjoint_and_whole_for_every_data_set(kind, fraction, monkeypatch):
    monkeypatch.setitem(sources.DATASETS, "mine", lambda: KINDS[kind]())
    option = "" if fraction is None else f"&validation={fraction}"
    parts = {part: tfvae.data.load(f"mine?split={part}{option}") for part in ("train", "validation")}
    places = {part: numbers(data) for part, data in parts.items()}
    assert sorted(np.concatenate(list(places.values()))) == list(range(N))
    expected = N * (fraction or 0.1)
    assert abs(len(places["validation"]) - expected) < 4 * np.sqrt(expected)
    everything = KINDS[kind]()
    for part, data in parts.items():
        assert (np.diff(places[part]) > 0).all()
        assert data.name == f"mine?split={part}&validation={fraction or 0.1}"
        assert data.files == (tuple(FILES[place] for place in places[part]) if kind == "files" else None)
        if everything.factors is not None:
            assert data.factors.labels == everything.factors.labels
            found = data.factors.values_of(np.arange(len(data)))
            np.testing.assert_array_equal(found, everything.factors.values_of(places[part]))
    again = tfvae.data.load("mine", split="validation", **({} if fraction is None else {"validation": fraction}))
    assert again.digest == parts["validation"].digest != parts["train"].digest


def test_other_pictures_and_other_orders_move_no_picture():
    whole = files(ImageData("mine", IMAGES))
    some = ImageData("mine", IMAGES[::-2])
    some.files = FILES[::-2]
    held = set(split(whole, "validation").files)
    assert set(split(some, "validation").files) == held & set(some.files)
    wider = set(split(whole, "validation", 0.2).files)
    assert held < wider


def test_the_hash_is_the_published_one_and_the_same_in_each_process():
    # The first outputs of SplitMix64 from the seed 0 (Steele, Lea & Flood, 2014).
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert _mixed(np.arange(3, dtype=np.uint64)).tolist() == expected
    assert split(ImageData("mine", IMAGES[:30]), "validation").images([0]).tolist() == IMAGES[[2]].tolist()
    program = (
        "import numpy as np; from tfvae.data import ImageData; from tfvae.data.split import split;"
        "data = ImageData('mine', np.zeros((400, 2, 2, 1), np.uint8));"
        "data.files = tuple(f'photo {k}.jpg' for k in range(400)); print(split(data, 'validation').files)"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(split(files(ImageData("mine", IMAGES)), "validation").files)


def test_factors_depend_within_a_part(monkeypatch):
    monkeypatch.setitem(sources.DATASETS, "mine", KINDS["grid"])
    parts = [tfvae.data.load(f"mine?correlated=x,y,0.2&split={part}") for part in ("train", "validation")]
    assert not set(numbers(parts[0])) & set(numbers(parts[1]))
    everything = tfvae.data.load("mine?correlated=x,y,0.2")
    assert sorted(np.concatenate(list(map(numbers, parts)))) == sorted(numbers(everything))
    held_out = tfvae.data.load("mine?held_out=x:0..9&split=validation")
    assert set(numbers(held_out)) == {k for k in numbers(tfvae.data.load("mine?split=validation")) if k >= 200}


def test_a_source_with_a_split_of_its_own_keeps_it_unless_a_fraction_is_given(monkeypatch):
    received = []

    def load_mine(*, split="all"):
        received.append(split)
        return ImageData("mine", IMAGES)

    monkeypatch.setitem(sources.DATASETS, "mine", load_mine)
    assert len(tfvae.data.load("mine?split=train")) == N
    assert len(tfvae.data.load("mine?split=validation&validation=0.5")) < 0.7 * N
    assert received == ["train", "train"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("split=test", r"one of \['train', 'validation'\]. Received: split='test'"),
        ("split", "split=True"),
        ("validation=0.1", "Expected split=train or split=validation with validation="),
        ("split=train&validation=1", "validation=1"),
        ("split=train&validation=0", "validation=0"),
        ("split=train&validation=10%", "validation='10%'"),
        ("split=train&validation", "validation=True"),
        ("split=train&validation=1e-9", "400 images, of which validation=1e-09 takes none"),
    ],
)
def test_wrong_parts_are_refused(options, message, monkeypatch):
    monkeypatch.setitem(sources.DATASETS, "mine", KINDS["images"])
    with pytest.raises(ValueError, match=message):
        tfvae.data.load(f"mine?{options}")
    with pytest.raises(ValueError, match=r"each once\. Received: 'split'"):
        tfvae.data.load("mine?split=train", split="train")


def test_parts_are_read_in_the_graph_where_all_images_are():
    tf = pytest.importorskip("tensorflow")
    data = tfvae.data.load("dsprites?held_out=shape:0|1&split=validation&validation=0.001")
    read = data.in_graph()
    places = np.arange(8)
    np.testing.assert_array_equal(read(tf.constant(places, tf.int64)), data.images(places))
