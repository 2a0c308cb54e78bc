import numpy as np
import pytest

from tfvae.data.drawing.rasterizer import rasterize, smooth_normals


def sphere(rings: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """The vertices [V, 3] of a sphere of radius 1, its poles on the y axis, and its triangles [T, 3]."""
    polar, around = np.linspace(0, np.pi, rings + 1), np.arange(2 * rings) * np.pi / rings
    p, a = (grid.ravel() for grid in np.meshgrid(polar, around, indexing="ij"))
    vertices = np.stack([np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)], axis=-1)
    i, j = (grid.ravel() for grid in np.meshgrid(np.arange(rings), np.arange(2 * rings), indexing="ij"))
    k = (j + 1) % (2 * rings)
    w = 2 * rings
    lower = np.stack([i * w + j, (i + 1) * w + j, (i + 1) * w + k], axis=-1)
    upper = np.stack([i * w + j, (i + 1) * w + k, i * w + k], axis=-1)
    return vertices, np.concatenate([lower, upper])


def to_screen(vertices: np.ndarray, size: int = 64, radius: float = 28.0) -> np.ndarray:
    return vertices * [radius, -radius, radius] + [size / 2, size / 2, 0]


def test_depth_and_normals_of_a_sphere_are_the_analytic_ones():
    vertices, triangles = sphere()
    depth, normals = rasterize(to_screen(vertices), triangles, smooth_normals(vertices, triangles), 64)
    y, x = np.mgrid[:64, :64] + 0.5 - 32
    distance = np.hypot(x, y)
    z = np.sqrt(np.maximum(28.0**2 - distance**2, 0))
    inside = distance < 26
    np.testing.assert_allclose(depth[inside], z[inside], atol=0.2)
    assert np.isneginf(depth[distance > 28]).all()
    assert (normals[distance > 28] == 0).all()
    expected = np.stack([x, -y, z], axis=-1) / 28
    # Each vertex at a pole, outside of the middle rows, has the normal of a single triangle.
    middle = inside & (np.abs(y) < 20)
    np.testing.assert_allclose(normals[middle], expected[middle], atol=0.02)


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_a_nearer_triangle_hides_those_behind_it(order):
    square = np.array([[4.0, 12.0], [12.0, 12.0], [12.0, 4.0], [4.0, 4.0]])
    vertices = np.concatenate([np.c_[square, np.full(4, 1.0)], np.c_[square + 4, np.full(4, 2.0)]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    triangles = np.concatenate([faces + 4 * k for k in order])
    labels = np.repeat([[1.0], [2.0]], 4, axis=0)
    depth, seen = rasterize(vertices, triangles, labels, 20)
    expected = np.zeros((20, 20))
    expected[4:12, 4:12] = 1
    expected[8:16, 8:16] = 2
    np.testing.assert_allclose(seen[..., 0], expected)
    np.testing.assert_allclose(np.where(np.isfinite(depth), depth, 0), expected)


def test_triangles_seen_from_the_back_are_not_drawn():
    vertices = np.array([[2.0, 8.0, 0.0], [8.0, 8.0, 0.0], [8.0, 2.0, 0.0]])
    front, _ = rasterize(vertices, np.array([[0, 1, 2]]), np.ones((3, 1)), 10)
    back, _ = rasterize(vertices, np.array([[0, 2, 1]]), np.ones((3, 1)), 10)
    assert np.isfinite(front).sum() == 21
    assert not np.isfinite(back).any()


def test_a_mesh_is_clipped_at_the_edges_of_the_image():
    vertices = np.array([[-50.0, 90.0, 0.0], [90.0, 90.0, 0.0], [20.0, -90.0, 0.0]])
    _, seen = rasterize(vertices, np.array([[0, 1, 2]]), vertices[:, :1], 20)
    x = np.broadcast_to(np.arange(20) + 0.5, (20, 20))
    np.testing.assert_allclose(seen[..., 0], x)
    depth, _ = rasterize(vertices + np.array([200.0, 0.0, 0.0]), np.array([[0, 1, 2]]), vertices[:, :1], 20)
    assert not np.isfinite(depth).any()
