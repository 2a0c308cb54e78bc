"""The graph of an export, the data set `folder:` and the files themselves agree on the pixels of a picture."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from tests.export.pictures import every_png
from tfvae.data.pictures import read_picture
from tfvae.export.pictures import decode_pictures

SIZE = 16
PNGS = list(every_png(SIZE))


@tf.function(input_signature=[tf.TensorSpec((None,), tf.string)], autograph=False)
def decoded(contents):
    return decode_pictures(contents, (SIZE, SIZE, 3))


def by_the_graph(*contents):
    return decoded(tf.constant(contents)).numpy()


def by_the_folder(content, tmp_path):
    path = tmp_path / "picture"
    path.write_bytes(content)
    return read_picture(path, SIZE).astype(float)


@pytest.fixture(scope="module")
def graph():
    return by_the_graph(*(content for _, content, _ in PNGS))


@pytest.mark.parametrize("row", range(len(PNGS)), ids=[name for name, _, _ in PNGS])
def test_every_kind_of_png_is_read_as_it_is_shown(row, graph, tmp_path):
    name, content, shown = PNGS[row]
    folder = by_the_folder(content, tmp_path)
    np.testing.assert_array_equal(graph[row], folder)
    # Of colours of 16 bits the upper 8 are taken, of their opacity too: less than a level each, and the rounding.
    np.testing.assert_allclose(folder, shown, atol=2 if "16 bits" in name else 0.5)


def jpeg(picture, **options):
    file = io.BytesIO()
    picture.save(file, "JPEG", **options)
    return file.getvalue()


def blurred(channels, mode):
    colours = np.random.default_rng(channels).integers(0, 256, (4, 4, channels), np.uint8)
    return Image.frombytes(mode, (4, 4), colours.tobytes()).resize((SIZE, SIZE))


def test_jpegs_are_read_alike(tmp_path):
    files = {
        "grey": jpeg(blurred(1, "L")),
        "colour": jpeg(blurred(3, "RGB")),
        "colour, all pixels": jpeg(blurred(3, "RGB"), subsampling=0, progressive=True),
        "colour without a transform": jpeg(blurred(3, "RGB"), keep_rgb=True),
        "CMYK": jpeg(blurred(4, "CMYK")),
    }
    for name, found in zip(files, by_the_graph(*files.values()), strict=True):
        np.testing.assert_allclose(found, by_the_folder(files[name], tmp_path), atol=1, err_msg=name)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
@pytest.mark.parametrize("height", [16, 37, 100, 700])
@pytest.mark.parametrize("width", [16, 50, 101])
def test_pictures_of_any_size_are_cut_and_resized_alike(height, width, form, tmp_path):
    # Black and white noise: a crop that is off by one pixel, a filter without antialiasing, a smaller picture taken
    # from a JPEG's coefficients, or values out of range between the filter's passes change many pixels.
    noise = np.random.default_rng(0).choice(np.uint8([0, 255]), (height, width, 3))
    file = io.BytesIO()
    Image.fromarray(noise).save(file, form)
    np.testing.assert_allclose(by_the_graph(file.getvalue())[0], by_the_folder(file.getvalue(), tmp_path), atol=1)


def test_a_png_with_many_chunks_before_its_pixels_is_read():
    _, content, shown = PNGS[0]
    comments = content[content.index(b"tEXt") - 4 : content.index(b"IDAT") - 4] * 900
    many = content[:33] + comments + content[33:]
    np.testing.assert_array_equal(by_the_graph(many)[0], shown)


@pytest.mark.parametrize("length", [24, 25, 26, 33, 40, 60])
def test_a_png_that_is_cut_off_is_refused(length):
    with pytest.raises(tf.errors.InvalidArgumentError, match="PNG"):
        by_the_graph(PNGS[0][1][:length])
