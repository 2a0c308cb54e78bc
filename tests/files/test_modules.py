import sys

import pytest

from tfvae.files.modules import import_modules


@pytest.fixture(autouse=True)
def _path(monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))


def test_a_module_is_imported_from_the_first_folder_that_has_it(tmp_path):
    for folder in ("one", "two", "three"):
        (tmp_path / folder).mkdir()
    for folder in ("two", "three"):
        (tmp_path / folder / "found_in_a_folder.py").write_text(f"where = {folder!r}")
    folders = [str(tmp_path / folder) for folder in ("one", "two", "three")]
    import_modules(["found_in_a_folder"], folders)
    assert sys.modules.pop("found_in_a_folder").where == "two"
    assert sys.path[:3] == folders
    import_modules(["json"], folders)
    assert sys.path.count(folders[0]) == 1


def test_without_modules_the_path_stays_as_it_is(tmp_path):
    before = list(sys.path)
    import_modules([], [str(tmp_path)])
    assert sys.path == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "ModuleNotFoundError: No module named 'a_module_of_mine'"),
        ("def (", "SyntaxError: invalid syntax"),
        ("{}['key']", "KeyError: 'key'"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_the_reason(text, message, tmp_path):
    if text is not None:
        (tmp_path / "a_module_of_mine.py").write_text(text)
    with pytest.raises(ImportError, match=f"from {tmp_path}. Received: 'a_module_of_mine', {message}"):
        import_modules(["json", "a_module_of_mine"], [str(tmp_path)])
