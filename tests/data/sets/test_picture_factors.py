import unicodedata

import numpy as np
import pytest
from PIL import Image

import tfvae.data
from tfvae.data.factor_table import described, summary


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Makes a folder of small pictures, each with a colour of its own, and loads it by a name with options."""
    monkeypatch.setenv("TFVAE_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "photos"
    root.mkdir()

    class Photos:
        path = root

        def add(self, *names):
            for name in names:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                level = 7 * len(list(root.rglob("*.png")))
                Image.new("L", (8, 8), level).save(root / name)
            return self

        def table(self, *lines, name="meta.csv"):
            (root / name).write_text("\n".join(lines) + "\n", "utf-8")
            return self

        def load(self, options="factors=meta.csv"):
            return tfvae.data.load(f"folder:{root}?size=4&{options}")

    return Photos()


def rows(data):
    """The values of each image's factors, labels as text, by the name of its file."""
    values = data.factors.values_of(np.arange(len(data)))
    return {
        file: [
            data.factors.labels[name][int(value)] if name in data.factors.labels else value
            for name, value in zip(data.factors.names, row, strict=True)
        ]
        for file, row in zip(data.files, values, strict=True)
    }


def test_folders_are_classes(photos):
    data = photos.add("dog/1.png", "cat/a/2.png", "cat/1.png", "owl/3.png").load("channels=1")
    assert rows(data) == {"cat/1.png": ["cat"], "cat/a/2.png": ["cat"], "dog/1.png": ["dog"], "owl/3.png": ["owl"]}
    assert data.images(np.arange(4))[:, 0, 0, 0].tolist() == [14, 7, 0, 21]
    assert str(data).endswith("grey; factors: discrete class (3: cat, dog, owl)")
    assert photos.load("classes=false").factors is None
    assert photos.load("factors=false").factors is None


def test_classes_named_by_numbers_are_in_their_order_and_stay_apart(photos):
    data = photos.add("10/1.png", "9/1.png", "01/1.png", "1/1.png").load("channels=1")
    assert data.factors.labels == {"class": ("01", "1", "9", "10")}
    assert rows(data)["10/1.png"] == ["10"]


@pytest.mark.parametrize("names", [["cat/1.png", "dog/1.png", "2.png"], ["cat/1.png", "cat/2.png"], ["1.png"]])
def test_folders_with_pictures_beside_them_or_alone_are_not_classes(photos, names):
    assert photos.add(*names).load("channels=1").factors is None
    with pytest.raises(ValueError, match="Expected two folders or more"):
        photos.load("classes")


def test_a_class_without_pictures_is_refused(photos):
    photos.add("cat/1.png")
    (photos.path / "dog").mkdir()
    (photos.path / ".hidden").mkdir()
    with pytest.raises(ValueError, match=r"which are classes unless classes=false.*Received: 'dog' with nothing"):
        photos.load("channels=1")
    (photos.path / "dog" / "1.mp4").touch()
    with pytest.warns(UserWarning, match="passed over"), pytest.raises(ValueError, match=r"'dog' with 1 \.mp4"):
        photos.load("channels=1")


def test_columns_of_a_csv_file_are_factors_in_the_order_of_the_pictures(photos):
    photos.add("b/2.png", "a.png", "b/10.png")
    photos.table("kind,file,age", "dog,b/2.png,10", "cat,a.png,9.5", " dog ,b/10.png, 2")
    expected = {"a.png": ["cat", 9.5], "b/10.png": ["dog", 2], "b/2.png": ["dog", 10]}
    assert rows(photos.load()) == expected
    assert "passed over" not in str(photos.load())
    assert photos.load().factors.values[1].tolist() == [2, 9.5, 10]
    chosen = photos.load("factors=meta.csv&columns=age&file_column=file")
    assert rows(chosen) == {file: row[1:] for file, row in expected.items()}
    with_path = tfvae.data.load(
        f"folder:{photos.path}?size=4", factors=photos.path / "meta.csv", columns=["age", "kind"]
    )
    assert rows(with_path) == {file: row[::-1] for file, row in expected.items()}


def test_a_csv_file_and_classes_go_together(photos):
    photos.add("cat/1.png", "dog/1.png").table("file,age", "dog/1.png,3", "cat/1.png,4", name="meta.txt")
    assert rows(photos.load("factors=meta.txt")) == {"cat/1.png": [4], "dog/1.png": [3]}
    both = photos.load("factors=meta.txt&classes&continuous=age")
    assert rows(both) == {"cat/1.png": [4, "cat"], "dog/1.png": [3, "dog"]}
    assert both.factors.continuous == (True, False)
    photos.table("file,class", "dog/1.png,3", "cat/1.png,4", name="meta.txt")
    with pytest.raises(ValueError, match="Expected classes, or a column 'class'"):
        photos.load("factors=meta.txt&classes")


@pytest.mark.parametrize("write", [str, "./{}".format, "b\\{}".format, "{}".format])
def test_files_are_named_in_many_ways(photos, write):
    photos.add("b/1.png", "b/2.png").table("file;age", f"{write('2.png')};2", f"{write('1.png')};1")
    assert rows(photos.load()) == {"b/1.png": [1], "b/2.png": [2]}


def test_absolute_paths_accents_and_a_byte_order_mark_are_read(photos):
    name = unicodedata.normalize("NFD", "café.png")
    photos.add(name, "1.png")
    (photos.path / "meta.csv").write_text(f"file\tage\r\n{photos.path / '1.png'}\t1\r\ncafé.png\t2\r\n", "utf-8-sig")
    assert rows(photos.load()) == {"1.png": [1], name: [2]}


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        (["file,x", "1.png,1", "2.png,2", "3.png,3", "no.png,3"], FileNotFoundError, r"'no\.png', which is not among"),
        (["file,x", "1.png,1", "2.png,2"], ValueError, r"a row for each picture.*none for '3\.png'"),
        (["file,x", "1.png,1", "2.png,2", "3.png,3", "1.png,1"], ValueError, r"one row.*'1\.png' more than once"),
        (["file,x", "1.png,1", "2.png,", "3.png,3"], ValueError, r"a value.*'' in 'x' of row 2, '2\.png'"),
        (["file,x", "1.png,1", "2.png,NaN", "3.png,3"], ValueError, r"a value.*'NaN' in 'x' of row 2"),
        (["file,x", "1.png,1", "2.png,NA", "3.png,3"], ValueError, r"'NA' in 'x'"),
        (["file,x", "1.png,1", "2.png,1e999", "3.png,3"], ValueError, r"infinity in \['x'\]"),
        (["file,x", "1.png,1", "2.png", "3.png,3"], ValueError, "2 cells.*1 in row 2"),
        (["file,x,x", "1.png,1,1"], ValueError, "all different"),
        ([",file,x", "0,1.png,1"], ValueError, "index=False"),
        (["file,x"], ValueError, "a header and rows"),
        ([""], ValueError, "a header and rows"),
        (["file", "1.png", "2.png", "3.png"], ValueError, "columns of factors"),
        (["x,y", "1,2"], ValueError, r"a column.*with the names of pictures.*\['x', 'y'\].*\['1', '2'\]"),
        (["a,b", "1.png,1.png", "2.png,2.png", "3.png,3.png"], ValueError, "choose it by file_column="),
    ],
)
def test_wrong_csv_files_are_refused(photos, lines, error, message):
    photos.add("1.png", "2.png", "3.png").table(*lines)
    with pytest.raises(error, match=message):
        photos.load()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ("factors=other.csv", FileNotFoundError, "no file at 'other.csv'"),
        ("factors", ValueError, "Expected factors=FILE.csv"),
        ("columns=x", ValueError, "Expected factors=FILE.csv"),
        ("factors=meta.csv&columns=y", ValueError, r"out of \['file', 'x'\]. Received: 'y'"),
        ("factors=meta.csv&columns=file", ValueError, "columns of factors"),
        ("factors=meta.csv&file_column=y", ValueError, "Received: 'y'"),
        ("classes=3", ValueError, "classes=3"),
    ],
)
def test_wrong_options_are_refused(photos, options, error, message):
    photos.add("1.png").table("file,x", "1.png,1")
    with pytest.raises(error, match=message):
        photos.load(options)


def test_two_files_of_the_same_name_are_not_chosen_between(photos, monkeypatch, tmp_path):
    photos.add("1.png").table("file,x", "1.png,1")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meta.csv").write_text("file,x\n1.png,2\n")
    with pytest.raises(ValueError, match=r"Expected a CSV file.*meta\.csv and meta\.csv"):
        photos.load()
    (photos.path / "meta.csv").unlink()
    assert rows(photos.load()) == {"1.png": [2]}


def test_not_utf8_is_refused(photos):
    photos.add("1.png")
    (photos.path / "meta.csv").write_bytes("file,x\n1.png,é".encode("latin-1"))
    with pytest.raises(ValueError, match="UTF-8"):
        photos.load()


def test_a_broken_picture_leaves_with_its_row(photos):
    photos.add("1.png", "2.png", "3.png").table("file,x", "3.png,c", "2.png,b", "1.png,a")
    (photos.path / "2.png").write_bytes(b"broken")
    for _ in range(2):  # also from the cache
        if not (photos.path.parent / "cache").exists():
            with pytest.warns(UserWarning, match="1 of 3 pictures are broken"):
                data = photos.load("factors=meta.csv&skip_broken")
        else:
            data = photos.load("factors=meta.csv&skip_broken")
        assert rows(data) == {"1.png": ["a"], "3.png": ["c"]}


def test_a_broken_picture_needs_no_row(photos):
    photos.add("1.png", "2.png", "3.png").table("file,x", "3.png,c", "1.png,a")
    (photos.path / "2.png").write_bytes(b"broken")
    with pytest.warns(UserWarning, match="1 of 3 pictures are broken"):
        data = photos.load("factors=meta.csv&skip_broken")
    assert rows(data) == {"1.png": ["a"], "3.png": ["c"]}
    photos.table("file,x", "1.png,a")
    with pytest.raises(ValueError, match=r"Expected a row for each picture .* none for '3\.png'$"):
        photos.load("factors=meta.csv&skip_broken")


def test_labels_are_scored_ignored_held_out_and_described(photos):
    names = [f"{kind}/{k}.png" for kind in ("cat", "dog", "owl") for k in range(8)]
    lines = [f"{name},{'red' if k % 2 else 'blue'},{k % 4}" for k, name in enumerate(names)]
    data = photos.add(*names).table("file,colour,size", *lines).load("factors=meta.csv&classes")
    perfect = data.factors.values_of(np.arange(24))
    scores = tfvae.evaluate(
        lambda x: np.resize(perfect, (len(x), 3)), data, metrics=["modularity"], ignore="size", num_images=24
    )
    assert scores["modularity"]["score"] == pytest.approx(1)
    assert scores["factors"] == described(data.factors, ["size"])
    assert summary(scores["factors"]) == "discrete colour (2: blue, red), class (3: cat, dog, owl); ignored size"
    text = [[*row] for row in rows(data).values()]
    same = tfvae.metrics.score(perfect, text, names=["colour", "size", "class"], metrics="mig", ignore=["size"])
    assert same["mig"]["factors"] == scores["factors"]
    held_out = photos.load("factors=meta.csv&classes&held_out=class:cat|owl,colour:red")
    assert {tuple(row[::2]) for row in rows(held_out).values()} == {
        ("red", "dog"), ("blue", "dog"), ("blue", "cat"), ("blue", "owl")
    }  # fmt: skip
    with pytest.raises(ValueError, match="Expected held_out"):
        photos.load("factors=meta.csv&classes&held_out=class:bat")
    with pytest.raises(ValueError, match="whose values are text"):
        photos.load("factors=meta.csv&continuous=colour")
    few = tfvae.evaluate(lambda x: np.zeros((len(x), 2)), data, metrics=[], limit=12)
    assert few["factors"]["labels"]["class"] == ["cat", "dog", "owl"]
