import json

import pytest

from tfvae.files.state import read_object


def test_an_object_is_read(tmp_path):
    (tmp_path / "state.json").write_text('{"done": 3, "name": "é"}', "utf-8")
    assert read_object(tmp_path / "state.json", "a state") == {"done": 3, "name": "é"}


DAMAGE = {
    "empty": b"",
    "zeros": bytes(100),
    "cut_off": b'{"done": 3',
    "other_bytes": b"\xff\xfe{}",
    "deep": b"[" * 100_000,
    "deep_object": b'{"a":' * 100_000,
    "long_number": b'{"done": ' + b"9" * 10_000 + b"}",
    "list": json.dumps([1, 2]).encode(),
    "null": b"null",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named(damage, tmp_path):
    (tmp_path / "state.json").write_bytes(DAMAGE[damage])
    with pytest.raises(ValueError, match=rf"^Expected a state, a JSON .*Received: {tmp_path}/state\.json"):
        read_object(tmp_path / "state.json", "a state")


def test_a_folder_or_nothing_in_its_place_is_named(tmp_path):
    with pytest.raises(ValueError, match=f"Received: {tmp_path}"):
        read_object(tmp_path, "a state")
    with pytest.raises(FileNotFoundError, match=rf"Expected a state.*none at {tmp_path}/none\.json"):
        read_object(tmp_path / "none.json", "a state")
