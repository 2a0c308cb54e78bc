"""Decodes PNG and JPEG files in the graph, as `folder:` data prepares the pictures that a model is trained on.

The largest centred crop is resized by a Lanczos filter with antialiasing; transparent pixels are blended with white;
grey is the luma of ITU-R BT.601. The orientation that a camera recorded is not applied. A JPEG in CMYK may differ from
`folder:` by 3 of 255 levels, by the rounding of two products of TensorFlow and of Pillow.
"""

import tensorflow as tf

from tfvae.data.pictures import MAX_SERVED_PIXELS as MAX_PIXELS
from tfvae.export.signature import checked

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff"


def decode_pictures(contents: tf.Tensor, image_shape: tuple[int, ...]) -> tf.Tensor:
    """Decodes pictures, which may differ in size.

    Args:
        contents: string tensor [B], the bytes of PNG or JPEG files.
        image_shape: (H, W, C), with C 1 or 3.

    Returns:
        float32 tensor [B, H, W, C] of pixels in 0..255, whole numbers.

    Raises:
        InvalidArgumentError: when the graph runs, for other or damaged bytes, or a picture of more than `MAX_PIXELS`
            pixels, which is not decoded.
    """
    # One after the other: memory is needed for one picture at a time.
    return tf.map_fn(
        lambda content: _decode(content, image_shape),
        contents,
        fn_output_signature=tf.TensorSpec(image_shape, tf.float32),
        parallel_iterations=1,
    )


def _decode(content: tf.Tensor, image_shape: tuple[int, ...]) -> tf.Tensor:
    height, width, channels = image_shape
    start = tf.strings.substr(content, 0, 8)
    is_png, is_jpeg = start == _PNG, tf.strings.substr(content, 0, 3) == _JPEG
    size = tf.strings.length(content)
    # The message does not quote the bytes: those that are not UTF-8 break its readers, such as TensorFlow's Python.
    content = checked(
        content, is_png | is_jpeg, ["Expected the bytes of a PNG or JPEG file. Received:", size, "other bytes"]
    )
    rows, columns = tf.unstack(tf.cond(is_png, lambda: _png_size(content), lambda: _jpeg_size(content)), num=2)
    few = (rows > 0) & (columns > 0) & (rows * columns <= MAX_PIXELS)
    content = checked(
        content, few, [f"Expected a picture of 1 to {MAX_PIXELS} pixels. Received: height and width", rows, columns]
    )
    # The largest crop that has the image's aspect ratio.
    cut_rows = tf.clip_by_value(columns * height // width, 1, rows)
    cut_columns = tf.clip_by_value(rows * width // height, 1, columns)
    top, left = (rows - cut_rows) // 2, (columns - cut_columns) // 2

    def cut(picture: tf.Tensor) -> tf.Tensor:
        return picture[top : top + cut_rows, left : left + cut_columns]

    def png() -> tf.Tensor:
        picture = cut(_decode_png(content))
        colour, opacity = picture[..., :3], picture[..., 3:] / 255.0
        return tf.cast(tf.round(255.0 + (colour - 255.0) * opacity), tf.uint8)

    def jpeg() -> tf.Tensor:
        return cut(tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE"))

    picture = tf.cond(is_png, png, jpeg)
    for size in ((cut_rows, width), (height, width)):  # as Pillow does it: each pass gives whole numbers in 0..255
        picture = tf.image.resize(picture, size, "lanczos3", antialias=True)
        picture = tf.clip_by_value(tf.round(picture), 0, 255)
    if channels == 1:
        # As tfvae.data.sets.folder rounds it.
        red, green, blue = tf.unstack(tf.cast(picture, tf.int32), num=3, axis=-1)
        luma = (19595 * red + 38470 * green + 7471 * blue + 2**15) // 2**16
        picture = tf.cast(luma, tf.float32)[..., tf.newaxis]
    return tf.ensure_shape(picture, image_shape)


def _decode_png(content: tf.Tensor) -> tf.Tensor:
    """The pixels of a PNG: float32 [H, W, 4] of colour and opacity in 0..255."""
    header = tf.strings.substr(content, 0, 26) + b"\0\0"  # for a file that is cut off in it
    bits, colour_type = tf.unstack(tf.io.decode_raw(tf.strings.substr(header, 24, 2), tf.uint8), num=2)

    def eight_bits() -> tf.Tensor:
        picture = tf.cast(tf.io.decode_png(content, channels=4), tf.float32)
        # To a picture without transparency, TensorFlow adds an opacity of 2^bits - 1, which is 255 only for 8 bits.
        unknown = tf.cond(bits < 8, lambda: ~_has_transparency(content), lambda: tf.constant(False))
        return tf.where(unknown, tf.maximum(picture, [0.0, 0.0, 0.0, 255.0]), picture)

    def grey_of_sixteen_bits() -> tf.Tensor:
        # Rounded, as Pillow's pixels are in `folder:`. For colours of 16 bits, Pillow too takes the upper 8.
        picture = tf.cast(tf.io.decode_png(content, channels=4, dtype=tf.uint16), tf.int32)
        return tf.cast((picture + 128) // 257, tf.float32)

    return tf.cond((bits == 16) & (colour_type == 0), grey_of_sixteen_bits, eight_bits)


def _has_transparency(content: tf.Tensor) -> tf.Tensor:
    """Whether a PNG has a tRNS chunk, which comes before its pixels."""
    size = tf.strings.length(content)
    padded = content + b"\0" * 8

    def name(start: tf.Tensor) -> tf.Tensor:
        return tf.strings.substr(padded, start + 4, 4)

    def following(start: tf.Tensor) -> tf.Tensor:
        length = tf.io.decode_raw(tf.strings.substr(padded, start, 4), tf.int32, little_endian=False)[0]
        inside = (length >= 0) & (length < size - start)
        return tf.where(inside, tf.minimum(start + 12 + length, size), size)

    # More chunks than this many before the pixels are not searched.
    start = tf.while_loop(
        lambda start: (start < size) & (name(start) != b"IDAT") & (name(start) != b"tRNS"),
        lambda start: [following(start)],
        [tf.constant(len(_PNG))],
        maximum_iterations=1000,
    )[0]
    return name(start) == b"tRNS"


def _png_size(content: tf.Tensor) -> tf.Tensor:
    """Height and width in the header of a PNG: int64 [2]; zeros for a file that is cut off before them."""
    header = tf.strings.substr(tf.strings.substr(content, 0, 24) + tf.constant(b"\0" * 24), 16, 8)
    width_height = tf.io.decode_raw(header, tf.int32, little_endian=False)
    return tf.cast(tf.reverse(width_height, [0]), tf.int64)


def _jpeg_size(content: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.image.extract_jpeg_shape(content)[:2], tf.int64)
