import numpy as np
import pytest

from tfvae.data.drawing import ray_caster


@pytest.fixture(scope="module")
def rays() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    origins = rng.normal(size=(400, 3))
    origins = 3 * origins / np.linalg.norm(origins, axis=1, keepdims=True) + [0, 0, 0.4]
    return origins, rng.normal([0, 0, 0.4], 0.25, (400, 3)) - origins


def distance_to(shape: str, scale: float, points: np.ndarray) -> np.ndarray:
    """The distance of a point from the solid (up to a factor), negative inside, by its definition at scale 1."""
    x, y, z = (points / scale).T
    if shape == "cube":
        return np.max([np.abs(x) - 0.35, np.abs(y) - 0.35, np.abs(z - 0.35) - 0.35], axis=0)
    if shape == "cylinder":
        return np.maximum(np.hypot(x, y) - 0.375, np.abs(z - 0.375) - 0.375)
    if shape == "sphere":
        return np.sqrt(x**2 + y**2 + (z - 0.425) ** 2) - 0.425
    return np.sqrt(x**2 + y**2 + (z - np.clip(z, 0.325, 0.975)) ** 2) - 0.325


@pytest.mark.parametrize("shape", ray_caster.SHAPES)
def test_rays_hit_a_solid_where_ray_marching_hits_it(shape, rays):
    origins, directions = rays
    # The bottom of a cylinder stands on the floor and is never visible.
    from_above = origins[:, 2] > 0.1
    origins, directions = origins[from_above], directions[from_above]
    steps = np.linspace(0, 2, 4001)
    outside = np.array(
        [distance_to(shape, 1.1, o + steps[:, np.newaxis] * d) for o, d in zip(origins, directions, strict=True)]
    )
    expected = np.where((outside < 0).any(axis=1), steps[(outside < 0).argmax(axis=1)], np.inf)
    met, normals = ray_caster.meet(shape, 1.1, origins, directions)
    both = np.isfinite(expected) & np.isfinite(met)
    assert both.sum() > 60
    # Marching may miss only a ray that grazes the solid between two steps.
    assert (np.isfinite(expected) != np.isfinite(met)).sum() <= 3
    np.testing.assert_allclose(met[both], expected[both], atol=2e-3)

    points = origins[both] + met[both, np.newaxis] * directions[both]
    np.testing.assert_allclose(np.linalg.norm(normals[both], axis=1), 1, atol=1e-9)
    assert (distance_to(shape, 1.1, points + 1e-3 * normals[both]) > 0).all()
    assert (distance_to(shape, 1.1, points - 1e-3 * normals[both]) < 0).all()
    assert ray_caster._may_meet(origins, directions, shape, 1.1)[np.isfinite(met)].all()


def test_the_room_has_the_right_perspective():
    """From (0, -2.5, 0.75), the far wall is 6 away: its foot 0.75 below the horizon, its top 1.25 above."""
    view = ray_caster.look(0.0, 256)
    middle = view.material.reshape(256, 256)[:, 128]
    per_unit = 128 / np.tan(np.radians(25)) / 6.0
    assert np.sum(middle == ray_caster.SKY) == round(128 - 1.25 * per_unit)
    assert np.sum(middle == ray_caster.FLOOR) == round(128 - 0.75 * per_unit)
    assert ray_caster.WALL in middle


def test_a_mirrored_camera_sees_the_mirrored_room():
    left, right = (ray_caster.look(azimuth, 64) for azimuth in (-0.3, 0.3))
    np.testing.assert_array_equal(left.material.reshape(64, 64), right.material.reshape(64, 64)[:, ::-1])


@pytest.mark.parametrize("shape", ray_caster.SHAPES)
def test_the_shadow_is_dark_and_points_away_from_the_lamp(shape):
    view = ray_caster.look(0.0, 128)
    surface = ray_caster.cast(view, shape, 1.0)
    floor = surface.material == ray_caster.FLOOR
    shadow = floor & (surface.brightness < view.ambient + view.lamp - 1e-9)
    np.testing.assert_allclose(surface.brightness[shadow], view.ambient[shadow])
    points = view.origin + view.distance[shadow, np.newaxis] * view.directions[shadow]
    # The lamp is high up at the left, at x = -1.5: the shadow reaches further to the right.
    assert points[:, 0].max() > -points[:, 0].min()
    assert shadow.sum() > 100


def test_only_the_solid_is_glossy():
    surface = ray_caster.cast(ray_caster.look(0.2, 64), "sphere", 1.0)
    assert (surface.white[surface.material == ray_caster.SOLID] > 0).any()
    assert (surface.white[surface.material != ray_caster.SOLID] == 0).all()
