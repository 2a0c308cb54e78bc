import numpy as np
import pytest
import tensorflow_probability as tfp
from PIL import Image

from tests import tiny
from tfvae.codes import Capabilities
from tfvae.data.images import ImageData
from tfvae.plots import tiles
from tfvae.plots.ranges import range_label
from tfvae.plots.traversals import draw_traversals, plot_traversals, save_gif, traversal_frames, traverse

tfd = tfp.distributions
DIM = 4
WEIGHTS = np.random.default_rng(1).normal(size=(DIM, 8 * 6 * 3))
IMAGES = np.random.default_rng(2).random((5, 8, 6, 1), dtype=np.float32)


def represent(images):
    """Latents whose KL is by design not in order."""
    pixels = images.reshape(len(images), -1)
    mean = pixels[:, :DIM] * [0.1, 3.0, 0.0, 1.0]
    log_variance = np.tile(np.array([-0.5, -4.0, 0.0, -1.0]), (len(images), 1))
    return {"mean": mean.astype(np.float32), "log_variance": log_variance.astype(np.float32)}


def decode(codes, channels=1):
    assert codes.dtype == np.float32
    logits = codes @ WEIGHTS[:, : 48 * channels]
    return (1 / (1 + np.exp(-logits))).reshape(-1, 8, 6, channels)


def text_of(figure):
    return [text.get_text() for text in figure.texts]


def test_frames_equal_a_naive_loop():
    code, latents, values = np.array([0.3, -0.2, 0.9, 1.5]), np.array([2, 0, 3]), np.array([-1.5, 0.25, 2.0])
    frames = traversal_frames(decode, code, latents, values)
    assert frames.dtype == np.float32
    for row, latent in enumerate(latents):
        for column, value in enumerate(values):
            changed = code.astype(np.float32)
            changed[latent] = value
            np.testing.assert_allclose(frames[row, column], decode(changed[np.newaxis])[0], rtol=1e-6)


def test_rows_are_sorted_by_what_latents_carry_over_the_images():
    codes = represent(IMAGES)
    posterior = tfd.Normal(codes["mean"], np.exp(0.5 * codes["log_variance"]))
    aggregate = tfd.Normal(
        codes["mean"].mean(axis=0), np.sqrt(codes["mean"].var(axis=0) + posterior.variance().numpy().mean(axis=0))
    )
    information = tfd.kl_divergence(posterior, aggregate).numpy().mean(axis=0)
    order = np.argsort(-information)
    for shift in (0, 3 * np.arange(DIM)):  # a latent apart from the prior does not come first

        def moved(images, shift=shift):
            return {**represent(images), "mean": represent(images)["mean"] + np.float32(shift)}

        traversals = traverse(moved, decode, IMAGES)
        assert list(traversals.latents) == list(order)
        np.testing.assert_allclose(traversals.information, information[order], rtol=1e-4, atol=1e-6)
    traversals = traverse(represent, decode, IMAGES)
    np.testing.assert_allclose(traversals.reconstructions, decode(codes["mean"]), rtol=1e-6)
    np.testing.assert_array_equal(
        traversals.frames, traversal_frames(decode, codes["mean"][0], traversals.latents, traversals.values)
    )


def test_latents_go_where_the_codes_of_the_images_lie():
    """The mean of the aggregate posterior and two standard deviations to each side, for each row its own latent's."""
    moved = {**represent(IMAGES), "mean": represent(IMAGES)["mean"] + np.float32([5, -40, 0.5, 0])}
    aggregate = tfd.MixtureSameFamily(
        tfd.Categorical(logits=np.zeros((DIM, len(IMAGES)), np.float32)),
        tfd.Normal(moved["mean"].T, np.exp(0.5 * moved["log_variance"]).T),
    )
    mean, deviation = aggregate.mean().numpy(), aggregate.stddev().numpy()
    traversals = traverse(lambda images: moved, decode, IMAGES, steps=5)
    assert list(traversals.latents) != sorted(traversals.latents)
    for latent, values, frames in zip(traversals.latents, traversals.values, traversals.frames, strict=True):
        np.testing.assert_allclose(values, mean[latent] + deviation[latent] * np.array([-2, -1, 0, 1, 2]), rtol=1e-4)
        code = moved["mean"][0].copy()
        code[latent] = values[-1]
        np.testing.assert_allclose(frames[-1], decode(code[np.newaxis])[0], rtol=1e-5, atol=1e-7)
    labels = text_of(plot_traversals(traversals))
    assert labels[2:8] == ["latent, in nats", "-2.0 sd", "-1.0 sd", "0.0 sd", "1.0 sd", "2.0 sd"]
    for latent in range(DIM):
        (label,) = [place for place, text in enumerate(labels) if text.startswith(f"z{latent} ")]
        low, high = (float(end) for end in labels[label + 1].split(" to "))
        # Written to a tenth at least of the range.
        assert (low, high) == pytest.approx(
            (mean[latent] - 2 * deviation[latent], mean[latent] + 2 * deviation[latent]), abs=0.05
        )


def test_codes_without_a_posterior_go_as_far_as_their_means_do():
    means = codes_of(IMAGES).astype(float)
    traversals = traverse(codes_of, decode, IMAGES, steps=2)
    expected = np.stack([means.mean(axis=0) - 2 * means.std(axis=0), means.mean(axis=0) + 2 * means.std(axis=0)], -1)
    np.testing.assert_allclose(traversals.values, expected, rtol=1e-5, atol=1e-6)


def test_one_image_is_traversed_over_the_prior():
    traversals = traverse(represent, decode, IMAGES[:1])
    np.testing.assert_allclose(traversals.values, np.tile(np.linspace(-2, 2, 11), (DIM, 1)), atol=1e-12)


@pytest.mark.parametrize("values", [np.float64(1.0), np.zeros((DIM, 3)), np.zeros(0)])
def test_values_are_a_row(values):
    with pytest.raises(ValueError, match=r"Expected values \[V\]\. Received: values\.shape="):
        traverse(represent, decode, IMAGES, values=values)


def test_a_latent_at_its_own_value_is_the_reconstruction():
    own = represent(IMAGES)["mean"][0]
    for latent in range(DIM):
        traversals = traverse(represent, decode, IMAGES, values=own[[latent]])
        (row,) = traversals.frames[traversals.latents == latent]
        np.testing.assert_allclose(row[0], decode(own[np.newaxis])[0], rtol=1e-6)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0], r"\[N, H, W, C\] with C 1 or 3. Received: images.shape=\(8, 6, 1\)"),
        (IMAGES[:0], r"Received: images.shape=\(0, 8, 6, 1\)"),
        (np.zeros((1, 8, 6, 2), np.float32), r"Received: images.shape=\(1, 8, 6, 2\)"),
        (np.zeros((1, 8, 6, 1), np.uint8), "Received: images.dtype=uint8"),
        (IMAGES + 1, "Received: images.dtype=float32, values from 1"),
        (IMAGES * np.nan, "values from nan"),
    ],
)
def test_other_images_are_refused(images, message):
    with pytest.raises(ValueError, match=message):
        traverse(represent, decode, images)


@pytest.mark.parametrize("channels", [1, 3])
def test_every_tile_of_the_figure_is_in_its_place(channels):
    images = np.tile(IMAGES, channels)
    traversals = traverse(represent, lambda z: decode(z, channels), images, values=np.linspace(-1, 1, 3))
    figure = plot_traversals(traversals, scale=2)
    drawn = tiles.rendered(figure)
    rows = [traversals.images[:3], traversals.reconstructions[:3], *traversals.frames]
    tops = [10, 28] + [80 + 18 * row for row in range(DIM)]
    for top, row in zip(tops, rows, strict=True):
        for column, image in enumerate(row):
            left = 110 + 14 * column
            # The outermost pixels are left out: the frame of the first tile is drawn around it.
            tile = drawn[top + 1 : top + 15, left + 1 : left + 11]
            np.testing.assert_array_equal(tile, tiles.pixels(image, 2)[1:-1, 1:-1])
    assert drawn.shape == (80 + 18 * DIM - 2 + 10, 110 + 14 * 3 - 2 + 10, 3)


def test_the_figure_names_latents_values_and_nats():
    traversals = traverse(represent, decode, IMAGES, values=np.array([-2.0, 0.0, 2.0]))
    figure = plot_traversals(traversals)
    labels = [
        f"z{latent}   {nats:.2f}" for latent, nats in zip(traversals.latents, traversals.information, strict=True)
    ]
    assert text_of(figure) == ["image", "reconstruction", "latent, in nats", "-2.0", "0.0", "2.0", *labels]
    assert 0 < sum(traversals.information <= 0.02) < DIM
    assert [text.get_color() == tiles.FAINT for text in figure.texts[-DIM:]] == [
        nats <= 0.02 for nats in traversals.information
    ]


@pytest.mark.parametrize("channels", [1, 3])
def test_the_animation_sweeps_back_and_forth(tmp_path, channels):
    images = np.tile(IMAGES, channels)
    traversals = traverse(represent, lambda z: decode(z, channels), images, values=np.linspace(-2, 2, 4))
    save_gif(traversals, tmp_path / "sweep.gif", scale=10, seconds=3.0)
    with Image.open(tmp_path / "sweep.gif") as animation:
        assert animation.info["loop"] == 0
        # Six tiles in two rows of three, each of 80 x 60 pixels; five hundred milliseconds a frame.
        assert animation.size == (10 + 3 * 68 - 8 + 10, 10 + 2 * (36 + 80 + 8) + 4 + 10)
        corners = [(10 + 68 * column, 46 + 124 * row) for row in range(2) for column in range(3)]
        assert animation.n_frames == 6
        for frame, step in enumerate([0, 1, 2, 3, 2, 1]):
            animation.seek(frame)
            assert animation.info["duration"] == 500
            drawn = np.asarray(animation.convert("RGB")).astype(int)
            shown = [traversals.images[0], traversals.reconstructions[0], *traversals.frames[:, step]]
            for (x, y), image in zip(corners, shown, strict=True):
                error = np.abs(drawn[y : y + 80, x : x + 60] - tiles.pixels(image, 10))
                # A GIF has a palette of at most 256 colours.
                assert error.mean() < 6
            bar = drawn[-12]
            cursor = np.nonzero(np.abs(bar - tiles.ACCENT).max(axis=-1) == 0)[0]
            assert abs((cursor.min() + cursor.max() + 1) / 2 - (10 + 196 * (step + 0.5) / 4)) <= 1


K = 5  # categories: more than the three columns of the figure
CATEGORY_WEIGHTS = np.random.default_rng(3).normal(size=(K, 48))


def represent_with_categories(images):
    probabilities = np.abs(images.reshape(len(images), -1)[:, :K]) + 0.1
    return {
        "mean": represent(images)["mean"],
        "probabilities": probabilities / probabilities.sum(axis=1, keepdims=True),
    }


def decode_with_categories(codes):
    logits = codes @ np.vstack([WEIGHTS[:, :48], CATEGORY_WEIGHTS])
    return (1 / (1 + np.exp(-logits))).reshape(-1, 8, 6, 1)


def test_categories_are_traversed_at_the_images_own_code():
    traversals = traverse(represent_with_categories, decode_with_categories, IMAGES)
    codes = represent_with_categories(IMAGES)
    likeliest = codes["probabilities"].argmax(axis=1)
    assert (traversals.category, traversals.information, list(traversals.latents)) == (likeliest[0], None, [0, 1, 2, 3])
    for category in range(K):
        code = np.concatenate([codes["mean"][0], np.eye(K)[category]])[np.newaxis]
        np.testing.assert_allclose(traversals.categories[category], decode_with_categories(code)[0], rtol=1e-5)
    for image in range(len(IMAGES)):
        code = np.concatenate([codes["mean"][image], np.eye(K)[likeliest[image]]])[np.newaxis]
        np.testing.assert_allclose(traversals.reconstructions[image], decode_with_categories(code)[0], rtol=1e-5)
    changed = np.concatenate([codes["mean"][0], np.eye(K)[likeliest[0]]])
    changed[2] = traversals.values[2, 0]
    np.testing.assert_allclose(traversals.frames[2, 0], decode_with_categories(changed[np.newaxis])[0], rtol=1e-5)


def test_the_figure_breaks_categories_into_rows_and_frames_the_images_own():
    traversals = traverse(represent_with_categories, decode_with_categories, IMAGES, values=np.linspace(-1, 1, 3))
    figure = plot_traversals(traversals, scale=2)
    drawn = tiles.rendered(figure)
    assert drawn.shape == (80 + 18 * DIM + 2 * 52 - 2 + 10, 110 + 14 * 3 - 2 + 10, 3)
    for category, image in enumerate(traversals.categories):
        line, column = divmod(category, 3)
        top, left = 80 + 18 * DIM + 52 * line + 34, 110 + 14 * column
        tile = drawn[top + 1 : top + 15, left + 1 : left + 11]
        np.testing.assert_array_equal(tile, tiles.pixels(image, 2)[1:-1, 1:-1])
        framed = (drawn[top - 1, left : left + 12] == tiles.ACCENT).all()
        assert framed == (category == traversals.category)
    expected = ["image", "reconstruction", "latent", "-1.0", "0.0", "1.0", "z0", "z1", "z2", "z3"]
    assert text_of(figure) == [*expected, "category", "0", "1", "2", "category", "3", "4"]


def test_the_animation_shows_each_category(tmp_path):
    traversals = traverse(represent_with_categories, decode_with_categories, IMAGES, values=np.linspace(-1, 1, 10))
    save_gif(traversals, tmp_path / "sweep.gif", scale=10)
    with Image.open(tmp_path / "sweep.gif") as animation:
        # The seventh tile, in two rows of four.
        for step in range(10):
            animation.seek(step)
            tile = np.asarray(animation.convert("RGB")).astype(int)[170:250, 146:206]
            errors = [np.abs(tile - tiles.pixels(image, 10)).mean() for image in traversals.categories]
            assert np.argmin(errors) == step // 2


@pytest.mark.parametrize(("channels", "steps"), [(1, 25), (3, 13)])
def test_the_suffix_decides_what_is_drawn(tmp_path, channels, steps):
    data = ImageData("noise", np.random.default_rng(3).integers(0, 256, (7, 8, 6, channels), dtype=np.uint8))
    arguments = {"reach": 1.0, "index": 3}
    model = Capabilities(represent, decode=lambda z: decode(z, channels))
    draw_traversals(tmp_path / "t.png", model, data, **arguments)
    draw_traversals(tmp_path / "t.gif", model, data, **arguments)
    # The same images and latents as a figure made by hand.
    indices = np.random.default_rng(0).choice(7, 7, replace=False)
    indices[0] = 3
    values = np.linspace(-1, 1, 11)
    by_hand = traverse(represent, lambda z: decode(z, channels), data.images(indices) / 255.0, values=values)
    with Image.open(tmp_path / "t.png") as figure, Image.open(tmp_path / "t.gif") as animation:
        np.testing.assert_array_equal(np.asarray(figure.convert("RGB")), tiles.rendered(plot_traversals(by_hand)))
        assert animation.n_frames == 2 * (steps - 1)  # back and forth, the ends once
    with pytest.raises(ValueError, match=r"ends in \.png, \.pdf, \.svg, \.gif\. Received: .*t\.bmp"):
        draw_traversals(tmp_path / "t.bmp", model, data)


def test_latents_go_as_far_as_the_model_declares(tmp_path):
    data = ImageData("noise", np.random.default_rng(3).integers(0, 256, (7, 8, 6, 1), dtype=np.uint8))
    model = Capabilities(represent, decode=decode, traversal_range=0.5)
    draw_traversals(tmp_path / "own.png", model, data)
    draw_traversals(tmp_path / "same.png", model, data, reach=0.5)
    draw_traversals(tmp_path / "other.png", model, data, reach=2.0)
    own, same, other = ((tmp_path / f"{name}.png").read_bytes() for name in ("own", "same", "other"))
    assert own == same != other


@pytest.mark.parametrize("suffix", [".png", ".gif"])
def test_latents_of_a_model_without_a_range_go_where_the_codes_lie(tmp_path, monkeypatch, suffix):
    data = ImageData("noise", np.random.default_rng(3).integers(0, 256, (7, 8, 6, 1), dtype=np.uint8))
    drawn = []
    monkeypatch.setattr("tfvae.plots.traversals.save_gif", lambda found, path: drawn.append(found))
    monkeypatch.setattr("tfvae.plots.traversals.plot_traversals", lambda found: drawn.append(found))
    monkeypatch.setattr("tfvae.plots.traversals.save_figure", lambda figure, path: None)
    draw_traversals(tmp_path / f"t{suffix}", Capabilities(represent, decode=decode), data)
    (found,) = drawn
    steps = 25 if suffix == ".gif" else 11
    np.testing.assert_allclose(found.values, traverse(represent, decode, found.images, steps=steps).values)


@pytest.mark.parametrize("reach", [0.0, -1.0, float("nan"), float("inf")])
def test_a_range_is_above_zero(tmp_path, reach):
    data = ImageData("noise", np.zeros((7, 8, 6, 1), np.uint8))
    with pytest.raises(ValueError, match=r"Expected a reach \(--range\) above 0\. Received: "):
        draw_traversals(tmp_path / "t.png", Capabilities(represent, decode=decode), data, reach=reach)
    assert not list(tmp_path.iterdir())


def test_the_animation_says_from_where_to_where_each_latent_goes(tmp_path, monkeypatch):
    written = []
    add_text = tiles.add_text

    def noted(figure, x, y, text, **options):
        written.append(text)
        add_text(figure, x, y, text, **options)

    monkeypatch.setattr(tiles, "add_text", noted)
    traversals = traverse(represent, decode, IMAGES)
    save_gif(traversals, tmp_path / "sweep.gif", scale=1)
    for latent, values in zip(traversals.latents, traversals.values, strict=True):
        (label,) = [place for place, text in enumerate(written) if text.startswith(f"z{latent} ")]
        assert written[label + 1] == range_label(values)


def test_models_and_images_that_cannot_be_traversed_are_refused(tmp_path):
    data = ImageData("noise", np.zeros((7, 8, 6, 1), np.uint8))
    with pytest.raises(ValueError, match="Expected a model with a decoder"):
        draw_traversals(tmp_path / "t.png", represent, data)
    with pytest.raises(ValueError, match=r"Expected images \(4, 4, 1\), the model's\. Received: \(8, 6, 1\)"):
        draw_traversals(tmp_path / "t.png", tiny.make("vae"), data)
    with pytest.raises(IndexError, match="index=7"):
        draw_traversals(tmp_path / "t.png", Capabilities(represent, decode=decode), data, index=7)
    assert not list(tmp_path.iterdir())


def test_codes_may_be_a_bare_array():
    named, bare = (traverse(each, decode, IMAGES) for each in (lambda x: {"mean": codes_of(x)}, codes_of))
    np.testing.assert_array_equal(named.frames, bare.frames)
    assert bare.information is None


def codes_of(images):
    return represent(images)["mean"]


@pytest.mark.parametrize("name", tiny.by_representation())
def test_the_latents_of_every_model_are_traversed(name, untraced):
    model = tiny.make(name)
    traversals = traverse(model, model.decode, tiny.images(5))
    assert np.isfinite(traversals.frames).all()
    assert traversals.frames.shape[:2] == (model.latent_dim, 11)
    assert (traversals.information is not None) == model.has_log_variance
    assert (0 if traversals.categories is None else len(traversals.categories)) == model.categories
