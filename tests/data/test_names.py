import pytest

from tfvae.data.names import parse


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dsprites", ("dsprites", {})),
        ("folder:/my photos/a=b", ("folder:/my photos/a=b", {})),
        ("folder:photos?size=64&channels=3", ("folder:photos", {"size": 64, "channels": 3})),
        ("folder:photos?skip_broken", ("folder:photos", {"skip_broken": True})),
        ("tfds:mnist?split=train&download=false", ("tfds:mnist", {"split": "train", "download": False})),
        ("dsprites?correlated=shape,scale:0.2", ("dsprites", {"correlated": "shape,scale:0.2"})),
        ('npz:x.npz?name="64"&where=a=b', ("npz:x.npz", {"name": "64", "where": "a=b"})),
        ("folder:what?really?size=32", ("folder:what?really", {"size": 32})),
        ("folder:what?", ("folder:what", {})),
    ],
)
def test_options_are_split_from_the_last_question_mark(name, expected):
    assert parse(name) == expected


@pytest.mark.parametrize("options", ["=3", "size=3&size=4", "size=3&&skip", "two words=1"])
def test_wrong_options_are_refused(options):
    with pytest.raises(ValueError, match="Expected options as key=value, each key once"):
        parse(f"folder:photos?{options}")
