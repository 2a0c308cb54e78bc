import os

import pytest

from tfvae.files.manifest import verify_if_present, verify_manifest, write_manifest


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"abc")
    (tmp_path / "saved_model.pb").write_bytes(b"graph")
    write_manifest(tmp_path)
    return tmp_path


def test_a_manifest_has_the_published_digest_and_is_reproducible(folder):
    content = (folder / "manifest.json").read_text()
    # FIPS 180-2, Appendix B.1: SHA-256 of "abc".
    assert "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" in content
    verify_manifest(folder)
    assert write_manifest(folder).read_text() == content


def test_changed_missing_and_additional_files_are_named(folder):
    data = folder / "variables" / "data"
    data.write_bytes(b"abd")
    with pytest.raises(ValueError, match="variables/data as"):
        verify_manifest(folder)
    data.unlink()
    with pytest.raises(ValueError, match="Expected the file variables/data"):
        verify_manifest(folder)
    data.write_bytes(b"abc")
    verify_manifest(folder)
    (folder / "other").touch()
    with pytest.raises(ValueError, match="Received: also other"):
        verify_manifest(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(ValueError, match="There is none: write one"):
        verify_manifest(folder)


def put_link_to_file(folder):
    (folder / "saved_model.pb").rename(folder.parent / "elsewhere.pb")
    (folder / "saved_model.pb").symlink_to(folder.parent / "elsewhere.pb")


UNLISTED = {
    "saved_model.pb": put_link_to_file,
    "extra": lambda folder: (folder / "extra").symlink_to(folder / "variables"),
    "dangling": lambda folder: (folder / "dangling").symlink_to("nowhere"),
    "variables/loop": lambda folder: (folder / "variables" / "loop").symlink_to(folder),
    "saved_model.pbtxt": lambda folder: os.mkfifo(folder / "saved_model.pbtxt"),
}


@pytest.mark.parametrize("name", UNLISTED)
def test_links_and_pipes_are_refused_before_anything_is_read(tmp_path, name):
    folder = tmp_path / "export"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    write_manifest(folder)
    UNLISTED[name](folder)
    for check in (verify_manifest, verify_if_present, write_manifest):
        with pytest.raises(ValueError, match=f"Received: {name}, which is (a link|neither)"):
            check(folder)


def test_the_folder_itself_may_be_a_link(folder, tmp_path_factory):
    link = tmp_path_factory.mktemp("links") / "newest"
    link.symlink_to(folder)
    verify_manifest(link)


@pytest.mark.parametrize("content", ["", "[" * 100_000, "[]", '{"files": []}', "{}", '{"files": null}', "\ud800"])
def test_a_manifest_that_cannot_be_read_is_named(folder, content):
    (folder / "manifest.json").write_bytes(content.encode(errors="surrogatepass"))
    with pytest.raises(ValueError, match=r"Expected a manifest.*manifest\.json"):
        verify_manifest(folder)


def test_a_manifest_that_is_a_link_is_refused(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "manifest.json"
    (folder / "manifest.json").rename(elsewhere)
    verify_if_present(folder)  # a folder without a manifest
    for target in (elsewhere, "nowhere"):
        (folder / "manifest.json").unlink(missing_ok=True)
        (folder / "manifest.json").symlink_to(target)
        with pytest.raises(ValueError, match="a link"):
            verify_if_present(folder)
