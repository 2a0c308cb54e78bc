import errno
import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

import tfvae.data
from tfvae.data import pictures
from tfvae.data.sets import folder

RNG = np.random.default_rng(0)


def noise(*shape):
    return RNG.integers(0, 256, shape, np.uint8)


def save(path, array, **kwargs):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **kwargs)
    return path


def load(path, tmp_path, **kwargs):
    return folder.load(path, cache=tmp_path / "cache", **kwargs)


def only(path, tmp_path, **kwargs):
    data = load(path, tmp_path, **kwargs)
    assert len(data) == 1
    return data.images(np.zeros(1, int))[0]


@pytest.fixture
def root(tmp_path):
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


def test_images_of_the_right_size_are_unchanged_and_in_the_order_of_their_paths(root, tmp_path):
    images = noise(3, 16, 16, 3)
    for name, image in zip(["b/2.png", "a.bmp", "b/10.tiff"], images, strict=True):
        save(root / name, image)
    (root / "notes.txt").write_text("not a picture")
    save(root / ".hidden.png", images[0])
    data = tfvae.data.load(f"folder:{root}?size=16", cache=tmp_path / "cache")
    assert data.image_shape == (16, 16, 3)
    np.testing.assert_array_equal(data.images(np.arange(3)), images[[1, 2, 0]])
    assert data.name == f"folder:{root}"


def test_the_middle_square_is_averaged_not_sampled(root, tmp_path):
    # A checkerboard of single pixels, whose average is grey, between bars that are cropped.
    board = np.uint8(255 * (np.indices((128, 128)).sum(0) % 2))
    save(root / "wide.png", np.pad(board, ((0, 0), (40, 40))))
    image = only(root, tmp_path)
    assert image.shape == (64, 64, 1)
    assert np.abs(image[3:-3, 3:-3].astype(int) - 128).max() <= 2
    crop = only(root, tmp_path, crop=32, size=32)
    np.testing.assert_array_equal(crop[..., 0], np.pad(board, ((0, 0), (40, 40)))[48:80, 88:120])


def test_channels_follow_the_content_or_the_argument(root, tmp_path):
    grey = noise(16, 16)
    save(root / "1.png", grey)
    save(root / "2.png", np.stack([grey] * 3, axis=-1))
    data = load(root, tmp_path, size=16)
    assert data.image_shape == (16, 16, 1)
    np.testing.assert_array_equal(data.images(np.arange(2)), np.stack([grey, grey])[..., np.newaxis])
    assert load(root, tmp_path, size=16, channels=3).image_shape == (16, 16, 3)
    assert load(root, tmp_path, size=21, channels=3).image_shape == (21, 21, 3)
    colour = noise(16, 16, 3)
    save(root / "3.png", colour)
    assert load(root, tmp_path, size=16).image_shape == (16, 16, 3)
    luma = load(root, tmp_path, size=16, channels=1).images(np.array([2]))[0, ..., 0]
    np.testing.assert_array_equal(luma, np.asarray(Image.fromarray(colour).convert("L")))


def test_the_orientation_of_the_camera_is_applied(root, tmp_path):
    image = noise(16, 16)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, clockwise
    save(root / "1.png", image, exif=exif)
    np.testing.assert_array_equal(only(root, tmp_path, size=16)[..., 0], np.rot90(image, -1))


@pytest.mark.parametrize("grey", [False, True])
def test_transparent_parts_are_white(root, tmp_path, grey):
    image = np.zeros((16, 16, 2 if grey else 4), np.uint8)
    image[:8, :, -1] = 255
    save(root / "1.png", image)
    expected = np.repeat([0, 255], 8)[:, np.newaxis] * np.ones((1, 16))
    np.testing.assert_array_equal(only(root, tmp_path, size=16)[..., 0], expected)


def test_sixteen_bits_are_scaled_to_eight(root, tmp_path):
    levels = np.linspace(0, 65535, 256).reshape(16, 16)
    save(root / "1.png", levels.astype(np.uint16))
    np.testing.assert_array_equal(only(root, tmp_path, size=16).ravel(), np.arange(256))


def test_palette_cmyk_and_one_bit(root, tmp_path):
    image = np.repeat(noise(2, 2, 3), 8, axis=0).repeat(8, axis=1)
    Image.fromarray(image).quantize(4).save(root / "1.png")
    Image.fromarray(255 - np.concatenate([image, np.full((16, 16, 1), 255, np.uint8)], -1), mode="CMYK").save(
        root / "2.tiff"
    )
    Image.fromarray(image[..., 0] > 127).save(root / "3.png")
    data = load(root, tmp_path, size=16).images(np.arange(3))
    np.testing.assert_array_equal(data[:2], [image, image])
    np.testing.assert_array_equal(data[2, ..., 0], 255 * (image[..., 0] > 127))


@pytest.mark.parametrize("suffix", ["gif", "webp"])
def test_the_first_frame_of_an_animation_is_read(root, tmp_path, suffix):
    frames = [Image.new("L", (16, 16), level).convert("RGB") for level in (0, 255, 255)]
    frames[0].save(root / f"1.{suffix}", save_all=True, append_images=frames[1:], duration=50)
    assert only(root, tmp_path, size=16).max() == 0


def test_one_pixel(root, tmp_path):
    save(root / "1.png", np.full((1, 1), 77, np.uint8))
    np.testing.assert_array_equal(only(root, tmp_path), np.full((64, 64, 1), 77))


def empty_png(width, height):
    """A small file that claims to be a large picture."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_a_jpeg_that_is_too_large_is_decoded_small_and_another_picture_is_refused(root, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "MAX_PIXELS", 260 * 260)
    Image.new("L", (1000, 1000), 99).save(root / "1.jpg")
    np.testing.assert_array_equal(only(root, tmp_path), np.full((64, 64, 1), 99))
    Image.new("L", (261, 260)).save(root / "2.png")
    with pytest.raises(ValueError, match=r"2\.png': 261 x 260 pixels are more than 67,600"):
        load(root, tmp_path)


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_not_decoded(root, tmp_path, side):
    (root / "bomb.png").write_bytes(empty_png(side, side))
    with pytest.raises(ValueError, match=r"bomb\.png': .*more than 67,108,864"):
        load(root, tmp_path)


def test_a_device_is_refused_before_it_is_read(root, tmp_path):
    (root / "device.png").symlink_to("/dev/null")
    with pytest.raises(ValueError, match=r"device\.png': it is not a regular file"):
        load(root, tmp_path)


def truncated(path):
    whole = save(path, noise(64, 64, 3)).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])


BROKEN = {
    "truncated.png": truncated,
    "text.png": lambda path: path.write_text("no picture"),
    "empty.png": lambda path: path.touch(),
    "nowhere.png": lambda path: path.symlink_to("absent"),
    "pipe.png": os.mkfifo,
    "pipe_link.png": lambda path: (os.mkfifo(path.parent.parent / "pipe"), path.symlink_to("../pipe")),
    "device.png": lambda path: path.symlink_to("/dev/zero"),
    "postscript.png": lambda path: path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"),
    "float.tiff": lambda path: Image.fromarray(np.zeros((16, 16), np.float32)).save(path),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_picture_is_named_with_the_way_to_skip_it(root, tmp_path, name):
    image = noise(16, 16)
    save(root / "z.png", image)
    BROKEN[name](root / name)
    with pytest.raises(ValueError, match=rf"^Expected a picture\. Received: .*{name}': .*skip_broken=True") as info:
        load(root, tmp_path, size=16)
    assert "\n" not in str(info.value)
    assert not os.listdir(tmp_path / "cache")
    with pytest.warns(UserWarning, match=f"1 of 2 pictures are broken and left out: .*{name}"):
        data = load(root, tmp_path, size=16, skip_broken=True)
    np.testing.assert_array_equal(data.images(np.arange(len(data))), image[np.newaxis, ..., np.newaxis])


@pytest.mark.parametrize(
    "error",
    [RuntimeError, NotImplementedError, AttributeError, MemoryError, ZeroDivisionError, RecursionError, struct.error],
)
def test_whatever_a_decoder_raises_is_a_broken_picture(root, tmp_path, monkeypatch, error):
    def broken(picture):
        raise error("inside")

    save(root / "1.png", noise(16, 16))
    monkeypatch.setattr(pictures, "upright_rgb", broken)
    with pytest.raises(ValueError, match=rf"1\.png': {error.__name__}: inside"):
        load(root, tmp_path)


def test_other_programs_are_never_started(root, tmp_path, monkeypatch):
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: pytest.fail("a program is started"))
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", "gs")
    save(root / "1.png", noise(16, 16))
    Image.new("RGB", (9, 9)).save(root / "2.png", "EPS")
    with pytest.raises(ValueError, match=r"2\.png': its content is not that of a picture"):
        load(root, tmp_path)


def test_a_picture_may_have_the_suffix_of_another_format(root, tmp_path):
    image = noise(16, 16, 3)
    Image.fromarray(image).save(root / "1.jpg", "PNG")
    np.testing.assert_array_equal(only(root, tmp_path, size=16), image)


def test_what_was_loaded_and_passed_over_is_one_line(root, tmp_path):
    for k in range(3):
        save(root / f"{k}.png", noise(16, 16, 3))
    assert str(load(root, tmp_path, size=16)) == f"folder:{root}: 3 images of 16 x 16, in colour"
    for name in ("a.txt", "b.TXT", "README", ".hidden"):
        (root / name).touch()
    assert str(load(root, tmp_path, size=16)).endswith("in colour; passed over: 2 .txt, 1 without a suffix")
    (root / "broken.png").touch()
    with pytest.warns(UserWarning, match="1 of 4 pictures are broken"):
        found = load(root, tmp_path, size=16, skip_broken=True, channels=1)
    assert str(found).endswith("3 images of 16 x 16, grey; passed over: 1 broken, 2 .txt, 1 without a suffix")


def test_photos_that_cannot_be_read_are_counted_in_a_warning(root, tmp_path, monkeypatch):
    readable = {name: kind for name, kind in pictures._readable().items() if kind != "HEIF"}
    monkeypatch.setattr(pictures, "_readable", lambda: readable)
    for name in ("1.heic", "2.HEIC", "3.cr2", "4.mp4"):
        (root / name).touch()
    counted = r"2 \.heic \(pip install pillow-heif\), 1 \.cr2, 1 \.mp4$"
    with pytest.raises(FileNotFoundError, match=f"Expected pictures.*Received: {counted}"):
        load(root, tmp_path)
    save(root / "5.png", noise(16, 16))
    for _ in range(2):  # also from the cache
        with pytest.warns(UserWarning, match=f"1 pictures are read; passed over: {counted}"):
            load(root, tmp_path)


def test_the_photos_of_an_iphone_are_read(root, tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    pillow_heif.from_pillow(Image.new("RGB", (64, 64), (200, 100, 50))).save(root / "1.heic")
    image = only(root, tmp_path, size=16)
    assert np.abs(image.astype(int) - (200, 100, 50)).max() < 5


def test_unreadable_files_alone_are_refused(root, tmp_path, monkeypatch):
    save(root / "1.png", noise(16, 16))

    def denied(*_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(root / "1.png"))

    monkeypatch.setattr(pictures.Image, "open", denied)
    with pytest.raises(ValueError, match=r"1\.png.*Permission denied"):
        load(root, tmp_path)
    with pytest.raises(ValueError, match=r"Expected a picture that can be read\. Received: 1 broken"):
        load(root, tmp_path, skip_broken=True)


def test_circular_links_are_followed_once(root, tmp_path):
    images = noise(2, 16, 16)
    save(root / "a" / "1.png", images[0])
    (root / "a" / "loop").symlink_to(root)
    save(tmp_path / "elsewhere" / "2.png", images[1])
    (root / "b").symlink_to(tmp_path / "elsewhere")
    data = load(root, tmp_path, size=16)
    np.testing.assert_array_equal(data.images(np.arange(len(data)))[..., 0], images)


@pytest.mark.parametrize(
    ("path", "options", "message"),
    [
        ("photos", {}, "Expected pictures, such as"),
        ("absent", {}, "Expected a folder. Received: no folder at"),
        ("", {}, "Expected a folder. Received: no folder at ''"),
        ("one", {"size": 0}, "size >= 1.*size=0"),
        ("one", {"channels": 4}, "channels to be 1, 3 or None.*channels=4"),
        ("one", {"crop": 0}, "crop >= 1.*crop=0"),
    ],
)
def test_wrong_arguments(root, tmp_path, path, options, message):
    save(tmp_path / "one" / "1.png", noise(16, 16))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        load(tmp_path / path if path else "", tmp_path, **options)


def test_unknown_option(root):
    with pytest.raises(ValueError, match=r"Expected options of .* out of \['size', .*Received: 'sise'"):
        tfvae.data.load(f"folder:{root}?sise=64")


def test_pictures_are_decoded_once_until_one_changes(root, tmp_path, monkeypatch):
    image = noise(16, 16)
    save(root / "1.png", image)
    first = load(root, tmp_path, size=16)
    with monkeypatch.context() as patch:
        patch.setattr(folder, "read_picture", lambda *_: pytest.fail("decoded again"))
        assert load(root, tmp_path, size=16).digest == first.digest
    save(root / "1.png", 255 - image)
    os.utime(root / "1.png", ns=(1, 1))
    assert load(root, tmp_path, size=16).digest != first.digest


def test_many_pictures_keep_their_order(root, tmp_path, monkeypatch):
    monkeypatch.setattr(pictures, "_BLOCK", 7)
    for k in range(50):
        save(root / f"{k:03}.png", np.full((16, 16), k, np.uint8))
    np.testing.assert_array_equal(load(root, tmp_path, size=16).images(np.arange(50))[:, 0, 0, 0], np.arange(50))


def test_paths_with_odd_characters(root, tmp_path):
    image = noise(16, 16)
    save(root / "what? 50% & ümlaut" / "1.png", image)
    data = tfvae.data.load(f"folder:{root / 'what? 50% & ümlaut'}?size=16", cache=tmp_path / "cache")
    np.testing.assert_array_equal(data.images(np.array([0]))[0, ..., 0], image)
