import pytest

from tfvae.files.manifest import verify_manifest, write_manifest


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
