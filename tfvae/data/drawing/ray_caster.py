"""Casts rays into the room of 3D Shapes, and computes the surface that each of them hits and its brightness.

Lengths are in units of the room. z points up, the floor is z = 0, and the solid stands on it at the origin. The camera
moves on a circle around the z axis and looks at it horizontally.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from matplotlib.path import Path

SHAPES = ("cube", "cylinder", "sphere", "capsule")
SKY, FLOOR, WALL, SOLID = range(4)

_CAMERA_RADIUS, _CAMERA_HEIGHT = 2.5, 0.75
_FIELD_OF_VIEW = np.radians(50.0)
_HALF_WIDTH, _WALL_HEIGHT = 3.5, 2.0
# Half the width of each solid at scale 1, and half its height without round ends.
_SIZES = {"cube": (0.35, 0.35), "cylinder": (0.375, 0.375), "sphere": (0.425, 0.0), "capsule": (0.325, 0.325)}

_LIGHT = np.array([-1.546, 0.551, 7.735])
_AMBIENT, _HEADLIGHT, _DIFFUSE, _SPECULAR, _SPOT_EXPONENT = 0.35, 0.6, 1.0, 0.147, 10.0
_FLOOR_GAIN, _WALL_GAIN = 0.96, 0.98
# The solids are meshes lit at their vertices, which are on this many meridians and parallels.
_MERIDIANS, _PARALLELS = 28, 16
_HONEYCOMB, _STAIN = 0.01, 0.049
_STAIN_OUTLINE = [
    (-2.10, 1.38),
    (-1.92, 1.40),
    (-1.67, 1.12),
    (-1.67, 0.95),
    (-1.48, 0.85),
    (-1.50, 0.62),
    (-1.63, 0.64),
    (-1.80, 0.80),
    (-2.02, 0.95),
]


@dataclass(frozen=True)
class View:
    """The hits of the rays of one camera in the empty room.

    Args:
        origin: the position of the camera, [3].
        forward: its direction, [3].
        directions: those of the rays, [R, 3].
        material: SKY, FLOOR or WALL, [R].
        distance: to the hit, in lengths of the ray's direction, infinite for the sky, [R].
        ambient: brightness without the lamp, [R].
        lamp: the brightness that the lamp adds outside of the shadow, [R].
    """

    origin: np.ndarray
    forward: np.ndarray
    directions: np.ndarray
    material: np.ndarray
    distance: np.ndarray
    ambient: np.ndarray
    lamp: np.ndarray


class Surface(NamedTuple):
    """The hits of the rays of a view, each [R]: the material, its brightness, and the white added to its colour."""

    material: np.ndarray
    brightness: np.ndarray
    white: np.ndarray


def look(azimuth: float, size: int) -> View:
    """Casts rays into the empty room.

    Args:
        azimuth: of the camera, in radians; at 0 it looks along y, and positive angles move it to the right.
        size: S, for S x S rays, row by row from the top left.
    """
    sin, cos = np.sin(azimuth), np.cos(azimuth)
    origin = np.array([_CAMERA_RADIUS * sin, -_CAMERA_RADIUS * cos, _CAMERA_HEIGHT])
    forward, right, up = np.array([-sin, cos, 0.0]), np.array([cos, sin, 0.0]), np.array([0.0, 0.0, 1.0])
    across = ((np.arange(size) + 0.5) * 2 / size - 1) * np.tan(_FIELD_OF_VIEW / 2)
    directions = forward + across[np.newaxis, :, np.newaxis] * right - across[:, np.newaxis, np.newaxis] * up
    directions = directions.reshape(-1, 3)

    material, distance = np.full(len(directions), SKY), np.full(len(directions), np.inf)
    ambient, lamp = np.zeros(len(directions)), np.zeros(len(directions))
    # The planes of the room: axis and position. The wall behind the camera is never visible.
    for axis, place in ((2, 0.0), (1, _HALF_WIDTH), (0, _HALF_WIDTH), (0, -_HALF_WIDTH)):
        toward = np.sign(place - origin[axis]) * directions[:, axis] > 1e-9
        rays = np.flatnonzero(toward)
        reached = (place - origin[axis]) / directions[rays, axis]
        points = origin + reached[:, np.newaxis] * directions[rays]
        inside = (np.abs(points[:, :2]) <= _HALF_WIDTH + 1e-9).all(axis=1)
        inside &= (points[:, 2] >= -1e-9) & (points[:, 2] <= _WALL_HEIGHT) & (reached < distance[rays])
        rays, points = rays[inside], points[inside]
        normal = np.zeros(3)
        normal[axis] = np.sign(origin[axis] - place)
        texture = _floor_texture(points) if axis == 2 else _wall_texture(points, axis, place)
        material[rays] = FLOOR if axis == 2 else WALL
        distance[rays] = reached[inside]
        ambient[rays] = texture * (_AMBIENT + _HEADLIGHT * max(-normal @ forward, 0.0))
        lamp[rays] = texture * _lamp(points, normal)[0]
    return View(origin, forward, directions, material, distance, ambient, lamp)


def cast(view: View, shape: str, scale: float) -> Surface:
    """Puts a solid into the room, with its shadow.

    Args:
        view: the result of `look`.
        shape: one of `SHAPES`.
        scale: of the solid.

    Returns:
        The surface that each ray hits. Its colour c in [0, 1] is seen as min(brightness c + white, 1).
    """
    material, brightness, white = view.material.copy(), view.ambient.copy(), np.zeros(len(view.material))
    near = np.flatnonzero(_may_meet(view.origin[np.newaxis], view.directions, shape, scale))
    distance, normals = meet(shape, scale, view.origin[np.newaxis], view.directions[near])
    met = distance < view.distance[near]
    rays = near[met]
    points = view.origin + distance[met, np.newaxis] * view.directions[rays]

    seen = np.ones(len(material), bool)
    seen[rays] = False
    room = np.flatnonzero(seen & (view.material != SKY))
    ground = view.origin + view.distance[room, np.newaxis] * view.directions[room]
    lit = np.ones(len(room), bool)
    to_lamp = _LIGHT - ground
    candidates = np.flatnonzero(_may_meet(ground, to_lamp, shape, scale))
    blocked, _ = meet(shape, scale, ground[candidates], to_lamp[candidates])
    lit[candidates[blocked < 1.0]] = False
    brightness[room] += view.lamp[room] * lit

    material[rays] = SOLID
    brightness[rays], white[rays] = _lit_solid(shape, view.forward, points, normals[met])
    return Surface(material, brightness, white)


def meet(shape: str, scale: float, origins: np.ndarray, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds the first hits of rays on a solid.

    Args:
        shape: one of `SHAPES`.
        scale: of the solid.
        origins: [R, 3] or [1, 3], outside of the solid.
        directions: [R, 3].

    Returns:
        Distances [R] in lengths of the directions, infinite without a hit, and outward normals [R, 3].
    """
    width, height = (scale * size for size in _SIZES[shape])
    with np.errstate(divide="ignore", invalid="ignore"):
        if shape == "cube":
            return _meet_box(origins, directions, width, 2 * height)
        if shape == "sphere":
            return _meet_sphere(origins, directions, width, width)
        low = width if shape == "capsule" else 0.0
        distance, normals = _meet_tube(origins, directions, width, low, low + 2 * height)
        ends = [_meet_disc(origins, directions, width, 2 * height)]
        if shape == "capsule":
            ends = [_meet_sphere(origins, directions, width, middle) for middle in (low, low + 2 * height)]
        # Within the height of the tube, a ball is never nearer than the tube, so the nearest hit is on the surface.
        for end_distance, end_normals in ends:
            nearer = end_distance < distance
            distance = np.where(nearer, end_distance, distance)
            normals = np.where(nearer[:, np.newaxis], end_normals, normals)
    return distance, normals


def _may_meet(origins: np.ndarray, directions: np.ndarray, shape: str, scale: float) -> np.ndarray:
    """Returns which rays come near enough to the bounding sphere of the solid that they may hit it, bool [R]."""
    width, height = _SIZES[shape]
    middle, radius = {
        "cube": (height, np.sqrt(2 * width**2 + height**2)),
        "cylinder": (height, np.hypot(width, height)),
        "sphere": (width, width),
        "capsule": (width + height, width + height),
    }[shape]
    towards = np.array([0.0, 0.0, scale * middle]) - origins
    cross = np.cross(towards, directions)
    return (cross**2).sum(-1) <= (1.001 * scale * radius) ** 2 * (directions**2).sum(-1)


def _lamp(points: np.ndarray, normals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the diffuse and specular light of the lamp, a spotlight that points straight down, without shadows."""
    to_lamp = _LIGHT - points
    to_lamp /= np.linalg.norm(to_lamp, axis=-1, keepdims=True)
    cosine = (normals * to_lamp).sum(-1)
    spot = to_lamp[..., 2] ** _SPOT_EXPONENT
    return _DIFFUSE * spot * np.maximum(cosine, 0.0), _SPECULAR * spot * (cosine > 0)


def _lit_solid(
    shape: str, forward: np.ndarray, points: np.ndarray, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns brightness and white of a solid, interpolated between the vertices of its mesh (Gouraud shading)."""

    def light(vertex_normals: np.ndarray) -> np.ndarray:
        diffuse, specular = _lamp(points, vertex_normals)
        headlight = np.maximum(-(vertex_normals @ forward), 0.0)
        return np.stack([_AMBIENT + _HEADLIGHT * headlight + diffuse, specular])

    if shape == "cube":
        plain = light(normals)
        return plain[0], plain[1]
    # Rounded, so that a point on a meridian or a parallel does not fall on either side of it by chance.
    turn = np.round(np.arctan2(normals[:, 0], -normals[:, 1]) * _MERIDIANS / (2 * np.pi), 9)
    rise = np.round(np.arcsin(np.clip(normals[:, 2], -1, 1)) * _PARALLELS / np.pi, 9)
    total = np.zeros((2, len(points)))
    for right in (0, 1):
        for above in (0, 1):
            azimuth = (np.floor(turn) + right) * 2 * np.pi / _MERIDIANS
            height = np.clip((np.floor(rise) + above) * np.pi / _PARALLELS, -np.pi / 2, np.pi / 2)
            vertex = np.stack(
                [np.sin(azimuth) * np.cos(height), -np.cos(azimuth) * np.cos(height), np.sin(height)], axis=-1
            )
            weight = np.abs(1 - right - turn + np.floor(turn)) * np.abs(1 - above - rise + np.floor(rise))
            total += weight * light(vertex)
    if shape == "cylinder":
        total = np.where(normals[:, 2] > 0.5, light(normals), total)
    return total[0], total[1]


def _floor_texture(points: np.ndarray) -> np.ndarray:
    x, y = points[:, 0], points[:, 1]
    return _FLOOR_GAIN * (1 + _HONEYCOMB * _honeycomb(y, x))


def _wall_texture(points: np.ndarray, axis: int, place: float) -> np.ndarray:
    """Returns faint honeycomb cells, and a stain that repeats every two units."""
    along = points[:, 0] if axis == 1 else -np.sign(place) * points[:, 1]
    phase = (along + 2.25) % 2 - 2.25
    stain = Path(_STAIN_OUTLINE).contains_points(np.stack([phase, points[:, 2]], axis=-1))
    return _WALL_GAIN * (1 + _HONEYCOMB * _honeycomb(along, points[:, 2]) - _STAIN * stain)


def _honeycomb(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    waves = ((2.5, 4.0), (2.5, -4.0), (5.0, 0.0))
    return sum((np.cos(2 * np.pi * (a * u + b * v)) for a, b in waves), np.zeros(len(u)))


def _meet_box(origins: np.ndarray, directions: np.ndarray, half: float, top: float) -> tuple[np.ndarray, np.ndarray]:
    first = (np.array([-half, -half, 0.0]) - origins) / directions
    second = (np.array([half, half, top]) - origins) / directions
    enter, leave = np.minimum(first, second), np.maximum(first, second)
    axis = enter.argmax(axis=1)
    distance = np.take_along_axis(enter, axis[:, np.newaxis], axis=1)[:, 0]
    normals = np.zeros(directions.shape)
    rows = np.arange(len(directions))
    normals[rows, axis] = -np.sign(directions[rows, axis])
    return np.where((distance <= leave.min(axis=1)) & (distance > 1e-6), distance, np.inf), normals


def _meet_sphere(
    origins: np.ndarray, directions: np.ndarray, radius: float, height: float
) -> tuple[np.ndarray, np.ndarray]:
    from_centre = origins - np.array([0.0, 0.0, height])
    distance = _nearer_root(from_centre, directions, radius)
    return distance, (from_centre + distance[:, np.newaxis] * directions) / radius


def _meet_tube(
    origins: np.ndarray, directions: np.ndarray, radius: float, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    flat = np.array([1.0, 1.0, 0.0])
    distance = _nearer_root(origins * flat, directions * flat, radius)
    height = origins[:, 2] + distance * directions[:, 2]
    distance = np.where((height >= low) & (height <= high), distance, np.inf)
    return distance, (origins + distance[:, np.newaxis] * directions) * flat / radius


def _meet_disc(
    origins: np.ndarray, directions: np.ndarray, radius: float, height: float
) -> tuple[np.ndarray, np.ndarray]:
    distance = (height - origins[:, 2]) / directions[:, 2]
    points = origins + distance[:, np.newaxis] * directions
    on_it = (distance > 1e-6) & ((points[:, :2] ** 2).sum(axis=1) <= radius**2)
    return np.where(on_it, distance, np.inf), np.broadcast_to([0.0, 0.0, 1.0], directions.shape)


def _nearer_root(origins: np.ndarray, directions: np.ndarray, radius: float) -> np.ndarray:
    """Returns the smaller t > 0 with |origin + t direction| = radius, or infinity if there is none."""
    a = (directions**2).sum(-1)
    b = (directions * origins).sum(-1)
    c = (origins**2).sum(-1) - radius**2
    t = (-b - np.sqrt(b * b - a * c)) / a
    return np.where(t > 1e-6, t, np.inf)
