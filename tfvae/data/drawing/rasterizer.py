"""Draws triangle meshes with a depth buffer, seen along z: the larger z is in front."""

import numpy as np


def rasterize(
    vertices: np.ndarray, triangles: np.ndarray, attributes: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draws a mesh by orthographic projection: a pixel is drawn if its centre is inside a triangle.

    Triangles seen from the back, whose corners are clockwise on the screen, are not drawn.

    Args:
        vertices: float [V, 3]: x to the right and y down, in pixels from the top left corner, and z towards the viewer.
        triangles: int [T, 3], indices of vertices, counter-clockwise as seen from outside of the mesh with y up.
        attributes: float [V, A], interpolated over each triangle.
        size: S.

    Returns:
        depth float [S, S], the z of the nearest triangle, and attributes float [S, S, A]. Where there is no triangle,
        the depth is -infinity and the attributes are 0.
    """
    # y points down, so the area of a triangle seen from the front is negative.
    corners = vertices[triangles]
    area = _cross(corners[:, 1, :2] - corners[:, 0, :2], corners[:, 2, :2] - corners[:, 0, :2])
    front = area < -1e-12
    corners, triangles, area = corners[front], triangles[front], area[front]

    # The pixels of all bounding boxes, in one list. Boxes are small, so few of the pixels are outside of the triangles.
    low = np.clip(np.ceil(corners[..., :2].min(axis=1) - 0.5), 0, size).astype(np.int64)
    high = np.clip(np.floor(corners[..., :2].max(axis=1) - 0.5), -1, size - 1).astype(np.int64)
    width, height = np.maximum(high - low + 1, 0).T
    count = width * height
    triangle = np.repeat(np.arange(len(count)), count)
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, column = within // width[triangle] + low[triangle, 1], within % width[triangle] + low[triangle, 0]
    centre = np.stack([column, row], axis=-1) + 0.5

    # Barycentric coordinates: the share of the area opposite to each corner.
    a, b, c = (corners[triangle, k, :2] for k in range(3))
    weights = np.stack([_cross(b - centre, c - centre), _cross(c - centre, a - centre), _cross(a - centre, b - centre)])
    weights /= area[triangle]
    inside = (weights >= 0).all(axis=0)
    weights, triangle, pixel = weights[:, inside], triangle[inside], (row * size + column)[inside]
    z = np.einsum("kn,nk->n", weights, corners[triangle, :, 2])

    # Written in the order of depth, the last fragment of a pixel remains, which is the nearest.
    order = np.argsort(z, kind="stable")
    nearest = np.full(size * size, -1)
    nearest[pixel[order]] = order
    drawn = np.flatnonzero(nearest >= 0)
    fragments = nearest[drawn]
    depth = np.full(size * size, -np.inf)
    depth[drawn] = z[fragments]
    values = np.zeros((size * size, attributes.shape[1]))
    values[drawn] = np.einsum("kn,nka->na", weights[:, fragments], attributes[triangles[triangle[fragments]]])
    return depth.reshape(size, size), values.reshape(size, size, -1)


def smooth_normals(vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Returns unit normals at vertices [V, 3]: means over their triangles [T, 3], weighted by area."""
    corners = vertices[triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.stack(
        [np.bincount(triangles.ravel(), np.repeat(faces[:, k], 3), len(vertices)) for k in range(3)], axis=-1
    )
    return normals / np.maximum(np.linalg.norm(normals, axis=-1, keepdims=True), 1e-12)


def _cross(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
