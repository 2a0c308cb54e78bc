import numpy as np
import pytest
from PIL import Image

from tfvae import data
from tfvae.data.factors import FactorSpace
from tfvae.data.ground_truth import GroundTruthData
from tfvae.data.sets import dsprites, variants

LOADERS = {"dsprites_color": variants.load_color, "dsprites_noisy": variants.load_noisy}
LOADERS["dsprites_background"] = variants.load_background


@pytest.fixture(scope="module")
def sprites() -> GroundTruthData:
    values = dsprites.FACTORS.values
    factors = FactorSpace(dsprites.FACTORS.names, (*values[:3], values[3][:1], values[4][:8], values[5][:8]))
    return GroundTruthData("dsprites", factors, dsprites.draw(factors.to_factors(np.arange(len(factors)))))


@pytest.fixture(autouse=True)
def small(monkeypatch, sprites):
    """Makes `dsprites.load` return only some of the images, drawn without the cache."""
    monkeypatch.setattr(dsprites, "load", lambda cache: sprites)


@pytest.mark.parametrize("name", LOADERS)
def test_an_image_is_a_function_of_seed_and_place(name):
    variant = LOADERS[name]()
    assert variant.name == name
    indices = np.array([5, 900, 17, 5])
    images = variant.images(indices)
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[0], images[3])
    np.testing.assert_array_equal(LOADERS[name]().images(indices[::-1]), images[::-1])
    other = LOADERS[name](seed=1)
    assert (other.images(indices) != images).any(axis=(1, 2, 3)).all()
    assert other.digest != variant.digest == LOADERS[name]().digest


def test_random_numbers_are_those_of_philox_with_seed_and_place_as_its_key(sprites):
    indices = np.array([3, 1000, 4])
    for image, white, index in zip(
        variants.load_noisy(seed=2**64 - 1).images(indices), sprites.images(indices), indices, strict=True
    ):
        rng = np.random.Generator(np.random.Philox(key=np.array([2**64 - 1, index], np.uint64)))
        noise = np.frombuffer(rng.bytes(64 * 64 * 3), np.uint8).reshape(64, 64, 3)
        np.testing.assert_array_equal(image, np.maximum(white, noise))


def test_a_sprite_has_one_color_that_is_uniform_between_a_half_and_one(sprites):
    indices = np.arange(1000)
    images = variants.load_color().images(indices)
    white = sprites.images(indices)[..., 0] == 255
    colors = images.max(axis=(1, 2))
    np.testing.assert_array_equal(images, white[..., np.newaxis] * colors[:, np.newaxis, np.newaxis])
    assert colors.min() >= 127
    # Of 1000 uniform numbers: the mean's standard error is 0.5 / sqrt(12) / sqrt(1000) = 0.0046; five of them.
    np.testing.assert_allclose(colors.mean(axis=0) / 255, 0.75, atol=0.023)
    np.testing.assert_allclose(colors.std(axis=0) / 255, 0.5 / np.sqrt(12), atol=0.02)
    assert np.abs(np.corrcoef(colors.T) - np.eye(3)).max() < 0.16


def test_noise_is_uniform_and_behind_the_sprite(sprites):
    indices = np.arange(50)
    images, white = variants.load_noisy().images(indices), sprites.images(indices)[..., 0] == 255
    assert (images[white] == 255).all()
    noise = images[~white]
    counts = np.bincount(noise.ravel(), minlength=256)
    expected = noise.size / 256
    # Chi squared with 255 degrees of freedom: mean 255, standard deviation 22.6; five of them.
    assert ((counts - expected) ** 2 / expected).sum() < 255 + 5 * 22.6
    pairs = images[:, 0].reshape(50, -1).astype(float)
    assert np.abs(np.corrcoef(pairs) - np.eye(50)).max() < 0.4


def test_background_is_a_crop_with_a_color_inverted_at_the_sprite(sprites, tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (70, 80, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    indices = np.arange(0, 1000, 100)
    variant = variants.load_background(picture=tmp_path / "picture.png")
    places = set()
    for image, white in zip(variant.images(indices), sprites.images(indices)[..., 0] == 255, strict=True):
        behind = np.where(white[..., np.newaxis], 255 - image, image).astype(int)
        found = []
        for top in range(7):
            for left in range(17):
                color = 2 * behind - picture[top : top + 64, left : left + 64]
                # The mean of crop and color is rounded down, so the color is found up to one.
                if (np.ptp(color, axis=(0, 1)) <= 1).all():
                    found.append((top, left))
        assert len(found) == 1
        places |= set(found)
    assert len(places) > 5


def test_the_default_texture_is_always_the_same_and_colorful():
    texture = variants.texture()
    assert texture.shape == (274, 350, 3)
    np.testing.assert_array_equal(texture, variants.texture())
    assert texture.std(axis=(0, 1)).min() > 30
    assert variants.load_background().digest == variants.load_background().digest


def test_wrong_pictures(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected picture to be an image file\. Received: picture='.*absent'"):
        variants.load_background(picture=tmp_path / "absent")
    (tmp_path / "text").write_text("no picture")
    with pytest.raises(ValueError, match="Expected picture to be an image file"):
        variants.load_background(picture=tmp_path / "text")
    Image.new("RGB", (300, 40)).save(tmp_path / "low.png")
    with pytest.raises(ValueError, match=r"at least 64 x 64.*300 x 40"):
        variants.load_background(picture=tmp_path / "low.png")


def test_variants_by_name(tmp_path):
    for name, loader in LOADERS.items():
        assert data.load(f"{name}?seed=3", cache=tmp_path).digest == loader(seed=3).digest


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, True])
def test_wrong_seeds(seed):
    with pytest.raises(ValueError, match="Expected seed to be an integer"):
        variants.load_color(seed=seed)
