"""A small part of what the tool does: the same seed gives the same damage."""

import pytest
import tensorflow as tf

from tfvae.data.sets import folder
from tools.mutated_pictures import mutated, written_pictures
from tools.mutated_pictures.reading import through_export, through_folder

PICTURES = written_pictures()


def test_each_format_that_is_read_is_among_them():
    assert {"AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP"} <= {n for n, _ in PICTURES}


def test_damaged_pictures_are_read_or_skipped_and_never_escape():
    contents = list(mutated(PICTURES, 1_000, seed=5))
    assert contents == list(mutated(PICTURES, 1_000, seed=5))
    assert 100 < through_folder(contents) < 900


@pytest.mark.filterwarnings("ignore")
def test_an_escape_would_be_seen(monkeypatch):
    def read(path, size, crop):
        raise RuntimeError("escaped")

    monkeypatch.setattr(folder, "read_picture", read)
    with pytest.raises(RuntimeError, match="escaped"):
        through_folder(PICTURES[:1])


def test_an_export_refuses_or_encodes_damaged_pictures():
    counts = through_export(list(mutated(PICTURES, 200, seed=6)))
    assert sum(counts.values()) == 200
    assert set(counts) == {"read", "INVALID_ARGUMENT"}


def test_an_export_that_answers_with_nan_is_seen(monkeypatch):
    monkeypatch.setattr("tfvae.export.export_encoder", lambda model, path: write_nan(path))
    with pytest.raises(ArithmeticError, match="Expected finite codes"):
        through_export(PICTURES[:1])


def write_nan(path):
    module = tf.Module()
    encode = tf.function(
        lambda image_bytes: {"mean": tf.fill([tf.size(image_bytes), 2], float("nan"))},
        input_signature=[tf.TensorSpec((None,), tf.string, "image_bytes")],
    )
    tf.saved_model.save(module, str(path), signatures={"encode_bytes": encode})
    return path
