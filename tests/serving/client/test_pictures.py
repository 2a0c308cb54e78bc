"""What the client sends for a file: the graph of an export reads it as the data set `folder:` reads the file."""

import io

import numpy as np
import pytest
from PIL import Image, features
from PIL.PngImagePlugin import PngInfo

from tfvae.data.pictures import read_picture
from tfvae.export.pictures import decode_pictures
from tfvae.serving.client import pictures
from tfvae.serving.client.pictures import Pictures

SHAPE = (16, 16, 3)
COLOURS = Image.fromarray(np.random.default_rng(0).integers(0, 256, (4, 4, 4), np.uint8), "RGBA").resize(SHAPE[:2])


def file(form, picture=COLOURS, **options):
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def turned_by_xmp(orientation):
    chunks = PngInfo()
    chunks.add_itxt("XML:com.adobe.xmp", f'<rdf:Description tiff:Orientation="{orientation}"/>')
    return chunks


def without_adobe_marker(content):
    start = content.index(b"\xff\xee")
    return content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4], "big") :]


RGB, CMYK = COLOURS.convert("RGB"), COLOURS.convert("RGB").convert("CMYK")
FRAMES = {"save_all": True, "append_images": [Image.new("RGBA", SHAPE[:2])]}
SENT_AS_THEY_ARE = {
    "PNG": file("PNG"),
    "PNG, not turned": file("PNG", exif=turned(1)),
    "JPEG": file("JPEG", RGB),
    "JPEG, not turned": file("JPEG", RGB, exif=turned(1)),
    "MPO": file("MPO", RGB, save_all=True, append_images=[RGB.convert("L")]),
}
SENT_AS_PNG = {
    **{f"JPEG, turned {n}": file("JPEG", RGB.resize((20, 16)), exif=turned(n)) for n in range(2, 9)},
    "JPEG, CMYK": file("JPEG", CMYK),
    "JPEG, CMYK without a marker": without_adobe_marker(file("JPEG", CMYK)),
    "PNG, turned": file("PNG", exif=turned(6)),
    "PNG, turned by XMP": file("PNG", pnginfo=turned_by_xmp(6)),
    "GIF": file("GIF", **FRAMES),
    "WebP": file("WEBP", **FRAMES) if features.check("webp") else None,
    "BMP": file("BMP", RGB),
    "TIFF": file("TIFF"),
    "TIFF, CMYK": file("TIFF", CMYK),
    "TIFF, 16 bits": file("TIFF", Image.fromarray(np.arange(256, dtype=np.uint16).reshape(16, 16) * 257)),
}


@pytest.mark.parametrize("name", [*SENT_AS_THEY_ARE, *SENT_AS_PNG])
def test_the_server_reads_what_the_folder_data_set_reads(name, tmp_path):
    content = (SENT_AS_THEY_ARE | SENT_AS_PNG)[name]
    if content is None:
        pytest.skip("this Pillow has no WebP")
    path = tmp_path / "picture"
    path.write_bytes(content)
    by_path, by_content, by_name = (Pictures([given])[:] for given in (path, content, str(path)))
    assert by_path == by_content == by_name
    assert (by_content == [content]) == (name in SENT_AS_THEY_ARE)
    found = decode_pictures(np.array(by_content, object), SHAPE)[0]
    np.testing.assert_array_equal(found, read_picture(path, SHAPE[0]))


def test_a_picture_that_is_too_large_for_the_server_is_sent_smaller(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "MAX_SERVED_PIXELS", 200 * 140 - 1)
    monkeypatch.setattr(pictures, "_SIDE", 64)
    large = COLOURS.convert("RGB").resize((200, 140))
    (sent,) = Pictures([file("PNG", large)])[:]
    assert Image.open(io.BytesIO(sent)).size == (100, 70)
    large.save(tmp_path / "large.png")
    found = decode_pictures(np.array([sent], object), SHAPE)[0]
    np.testing.assert_allclose(found, read_picture(tmp_path / "large.png", SHAPE[0]), atol=3)
    assert Pictures([file("PNG", large.crop((0, 0, 199, 140)))])[:] == [file("PNG", large.crop((0, 0, 199, 140)))]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"no picture", "its content is not that of a picture"),
        (file("PNG")[:20], "Truncated"),
        (file("PNG", exif=turned(6))[:-100], "truncated"),
        (file("BMP", RGB)[:200], "truncated"),
    ],
    ids=["empty", "text", "PNG cut off", "turned PNG cut off", "BMP cut off"],
)
def test_a_file_that_cannot_be_read_is_named(content, message, tmp_path):
    path = tmp_path / "holiday.png"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"holiday\.png': .*{message}"):
        Pictures([path])[:]
    with pytest.raises(ValueError, match=rf"item 2, of {len(content)} bytes: .*{message}"):
        Pictures([file("PNG"), file("PNG"), content])[2:]
    with pytest.raises(FileNotFoundError, match="absent"):
        Pictures([tmp_path / "absent.png"])[:]
