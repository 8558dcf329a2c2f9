"""Shape families as triangle meshes: surfaces of revolution, boxes, and a tube for the handle. 1 is about 10 cm."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SEGMENTS = 56
REPEATS = 3
"""Tiles of a print around a body of revolution; a body with walls has one per wall."""
WALLS = 4


@dataclass(frozen=True)
class Part:
    """One mesh of a product. `role` says what covers it: print, trim, ground (plain), or metal."""

    role: str
    vertices: np.ndarray
    normals: np.ndarray
    uv: np.ndarray
    faces: np.ndarray


def _grid_faces(rows: int, columns: int) -> np.ndarray:
    corner = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    a, b, c, d = corner, corner + 1, corner + columns + 1, corner + columns
    return np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def _revolve(role: str, profile: list | np.ndarray) -> Part:
    """Turn a smooth (radius, height) profile about the z axis; going up faces outwards, going down inwards."""
    profile = np.asarray(profile, float)
    turn = np.linspace(0, 2 * np.pi, SEGMENTS + 1)
    slope = np.gradient(profile, axis=0)
    slope /= np.linalg.norm(slope, axis=1, keepdims=True) + 1e-12
    circle = np.stack([np.cos(turn), np.sin(turn)], 1)
    rows, columns = len(profile), len(turn)

    def sweep(radial: np.ndarray, axial: np.ndarray) -> np.ndarray:
        flat = radial[:, None, None] * circle[None]
        return np.concatenate([flat, np.broadcast_to(axial[:, None, None], (rows, columns, 1))], 2).reshape(-1, 3)

    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(profile, axis=0), axis=1))])
    u = np.broadcast_to(turn / (2 * np.pi), (rows, columns))
    v = np.broadcast_to((length / length[-1])[:, None], (rows, columns))
    uv = np.stack([u.ravel(), v.ravel()], 1)
    return Part(role, sweep(*profile.T), sweep(slope[:, 1], -slope[:, 0]), uv, _grid_faces(rows, columns))


def _quad(role: str, corners: list, left: float = 0, right: float = 1) -> Part:
    """A flat quadrilateral: corners bottom left, bottom right, top right, top left from outside; u at its sides."""
    vertices = np.asarray(corners, float)
    normal = np.cross(vertices[1] - vertices[0], vertices[3] - vertices[0])
    normals = np.tile(normal / np.linalg.norm(normal), (4, 1))
    uv = np.array([(left, 0), (right, 0), (right, 1), (left, 1)], float)
    return Part(role, vertices, normals, uv, np.array([(0, 1, 2), (0, 2, 3)]))


def _tube(role: str, path: np.ndarray, radius: float) -> Part:
    """A round tube along a path in the x-z plane."""
    tangent = np.gradient(path, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    turn = np.linspace(0, 2 * np.pi, 17)
    side = np.stack([tangent[:, 1], np.zeros(len(path)), -tangent[:, 0]], 1)
    ring = np.cos(turn)[None, :, None] * side[:, None] + np.sin(turn)[None, :, None] * np.array([0, 1, 0])
    centre = np.stack([path[:, 0], np.zeros(len(path)), path[:, 1]], 1)
    uv = np.zeros((ring.shape[0] * ring.shape[1], 2))
    vertices = (centre[:, None] + radius * ring).reshape(-1, 3)
    return Part(role, vertices, ring.reshape(-1, 3), uv, _grid_faces(*ring.shape[:2]))


def _arc(r: float, z: float, radius: float, start: float, stop: float, steps: int = 9) -> list[tuple[float, float]]:
    """Profile points on a circle about (r, z); angles in degrees, 0 outwards, 90 up."""
    angle = np.radians(np.linspace(start, stop, steps))
    return [(r + radius * np.cos(a), z + radius * np.sin(a)) for a in angle]


def _curve(knots: list[tuple[float, float]], steps: int = 40) -> np.ndarray:
    """A smooth profile through knots (Catmull-Rom)."""
    points = np.asarray(knots, float)
    padded = np.concatenate([[2 * points[0] - points[1]], points, [2 * points[-1] - points[-2]]])
    where = np.linspace(0, len(points) - 1, steps)
    k = np.minimum(where.astype(int), len(points) - 2)
    t = (where - k)[:, None]
    a, b, c, d = (padded[k + j] for j in range(4))
    return 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)


def _cup_inside(r: float, top: float, bottom: float) -> list[Part]:
    return [
        _revolve("ground", [(r, top), (0.96 * r, bottom)]),
        _revolve("ground", [(0.96 * r, bottom), (1e-3, bottom)]),
    ]


def _mug(stretch: float) -> list[Part]:
    r, h = 0.40, 0.86 * stretch
    loop = np.radians(np.linspace(105, -105, 24))
    handle = np.stack([r - 0.04 + 0.26 * np.cos(loop) + 0.05, 0.5 * h + 0.29 * h * np.sin(loop) * 1.05], 1)
    return [
        _revolve("trim", _arc(r - 0.06, 0.06, 0.06, -90, 0)), _revolve("print", [(r, 0.06), (r, h - 0.03)]),
        _revolve("trim", _arc(r - 0.03, h - 0.03, 0.03, 0, 180)), *_cup_inside(r - 0.06, h - 0.03, 0.06),
        _tube("trim", handle, 0.055),
    ]  # fmt: skip


def _bottle(stretch: float) -> list[Part]:
    r, h = 0.31, 0.78 * stretch
    neck = _curve([(r, h), (0.93 * r, h + 0.1), (0.55 * r, h + 0.22), (0.36 * r, h + 0.3), (0.34 * r, h + 0.42)])
    cap = [*_arc(0.38 * r, h + 0.56, 0.04, 0, 90)]
    return [
        _revolve("ground", _arc(r - 0.05, 0.05, 0.05, -90, 0)), _revolve("print", [(r, 0.05), (r, h)]),
        _revolve("ground", neck), _revolve("trim", [(0.34 * r, h + 0.4), (0.5 * r, h + 0.4)]),
        _revolve("trim", [(0.5 * r, h + 0.4), (0.5 * r, h + 0.56), *cap, (1e-3, h + 0.6)]),
    ]  # fmt: skip


def _vase(stretch: float) -> list[Part]:
    h = 1.15 * stretch
    body = _curve([(0.2, 0), (0.33, 0.2 * h), (0.41, 0.42 * h), (0.3, 0.68 * h), (0.17, 0.84 * h), (0.25, h)], 60)
    inside = _curve([(0.21, h), (0.13, 0.84 * h), (0.2, 0.6 * h)], 16)
    return [_revolve("print", body), _revolve("trim", _arc(0.23, h, 0.02, 0, 180)), _revolve("trim", inside)]


def _bowl(stretch: float) -> list[Part]:
    h = 0.44 * stretch
    outside = _curve([(0.24, 0.05), (0.42, 0.35 * h), (0.53, 0.7 * h), (0.57, h)], 30)
    inside = _curve([(0.53, h), (0.49, 0.7 * h), (0.38, 0.4 * h), (0.2, 0.22 * h), (1e-3, 0.17 * h)])
    return [
        _revolve("trim", [(0.24, 0), (0.24, 0.05)]), _revolve("print", outside),
        _revolve("trim", _arc(0.55, h, 0.02, 0, 180)), _revolve("ground", inside),
    ]  # fmt: skip


def _can(stretch: float) -> list[Part]:
    r, h = 0.35, 0.84 * stretch
    return [
        _revolve("metal", [(r - 0.05, 0), (r, 0.05)]), _revolve("print", [(r, 0.05), (r, h - 0.05)]),
        _revolve("metal", [(r, h - 0.05), (r - 0.03, h - 0.01)]),
        _revolve("metal", _arc(r - 0.05, h - 0.01, 0.02, 0, 180)),
        _revolve("metal", [(r - 0.07, h - 0.01), (r - 0.08, h - 0.05)]),
        _revolve("metal", [(r - 0.08, h - 0.05), (1e-3, h - 0.05)]),
    ]  # fmt: skip


def _jar(stretch: float) -> list[Part]:
    r, h = 0.38, 0.66 * stretch
    lid = [(0.86 * r, h + 0.06), (0.86 * r, h + 0.2), *_arc(0.86 * r - 0.04, h + 0.2, 0.04, 0, 90), (1e-3, h + 0.24)]
    return [
        _revolve("ground", _arc(r - 0.06, 0.06, 0.06, -90, 0)), _revolve("print", [(r, 0.06), (r, h - 0.04)]),
        _revolve("ground", _arc(r - 0.08, h - 0.04, 0.08, 0, 90)), _revolve("trim", lid),
        _revolve("ground", [(0.8 * r, h), (0.8 * r, h + 0.08)]),
    ]  # fmt: skip


def _walls(role: str, x: float, y: float, low: float, high: float) -> list[Part]:
    corners = [(-x, -y), (x, -y), (x, y), (-x, y)]
    pairs = zip(corners, corners[1:] + corners[:1], strict=True)
    return [
        _quad(role, [(*a, low), (*b, low), (*b, high), (*a, high)], k / WALLS, (k + 1) / WALLS)
        for k, (a, b) in enumerate(pairs)
    ]


def _top(role: str, x: float, y: float, z: float) -> Part:
    return _quad(role, [(-x, -y, z), (x, -y, z), (x, y, z), (-x, y, z)])


def _box(stretch: float) -> list[Part]:
    x, y, h = 0.37, 0.28, 0.86 * stretch
    return [*_walls("print", x, y, 0, h - 0.16), *_walls("trim", x + 0.012, y + 0.012, h - 0.2, h),
            _top("trim", x + 0.012, y + 0.012, h)]  # fmt: skip


def _carton(stretch: float) -> list[Part]:
    x, h, peak = 0.29, 0.78 * stretch, 0.78 * stretch + 0.26
    ridge = [(-x, 0, peak), (x, 0, peak)]
    slopes = [[(-x, -x, h), (x, -x, h), ridge[1], ridge[0]], [(x, x, h), (-x, x, h), ridge[0], ridge[1]]]
    gables = [[(x, -x, h), (x, x, h), ridge[1], ridge[1]], [(-x, x, h), (-x, -x, h), ridge[0], ridge[0]]]
    sides = [Part("ground", *_gable(corners)) for corners in gables]
    return [*_walls("print", x, x, 0, h), *(_quad("trim", slope) for slope in slopes), *sides,
            *_walls("trim", x, 0.02, peak - 0.03, peak + 0.11), _top("trim", x, 0.02, peak + 0.11)]  # fmt: skip


def _gable(corners: list) -> tuple[np.ndarray, ...]:
    vertices = np.asarray(corners[:3], float)
    normal = np.cross(vertices[1] - vertices[0], vertices[2] - vertices[0])
    return vertices, np.tile(normal / np.linalg.norm(normal), (3, 1)), np.zeros((3, 2)), np.array([(0, 1, 2)])


def _ball(stretch: float) -> list[Part]:
    r = 0.44
    latitude = np.radians(np.linspace(-62, 62, 40))
    belt = np.stack([r * np.cos(latitude), r + r * np.sin(latitude)], 1)
    return [_revolve("trim", _arc(0, r, r, -89.9, -62)), _revolve("print", belt),
            _revolve("trim", _arc(0, r, r, 62, 89.9))]  # fmt: skip


def _shaker(stretch: float) -> list[Part]:
    h = 0.72 * stretch
    return [
        _revolve("ground", [(0.37, 0), (0.37, 0.05)]), _revolve("print", [(0.37, 0.05), (0.25, h)]),
        _revolve("trim", [(0.25, h), (0.285, h)]), _revolve("trim", [(0.285, h), (0.285, h + 0.08)]),
        _revolve("trim", _arc(0, h + 0.08, 0.285, 0, 89.9, 16)),
    ]  # fmt: skip


FAMILIES: dict[str, Callable[[float], list[Part]]] = {
    "mug": _mug, "bottle": _bottle, "vase": _vase, "bowl": _bowl, "can": _can, "jar": _jar, "box": _box,
    "carton": _carton, "ball": _ball, "shaker": _shaker,
}  # fmt: skip
WALLED = ("box", "carton")


def build(shape: str, size: float, stretch: float) -> list[Part]:
    """The parts of a product, standing on z = 0 about the z axis; `size` scales all, `stretch` the body height."""
    parts = FAMILIES[shape](stretch)
    return [Part(p.role, p.vertices * size, p.normals, p.uv, p.faces) for p in parts]


def tiles_round(shape: str) -> int:
    """How often a print repeats round the body."""
    return WALLS if shape in WALLED else REPEATS


def front(shape: str) -> float:
    """The direction that the middle of the body's first half (u 0 to 0.5) faces, degrees from the x axis."""
    return -45.0 if shape in WALLED else 90.0


def tile_aspect(parts: list[Part], tiles: int) -> float:
    """Width over height of one of `tiles` print tiles round the body, so that motifs stay round."""
    printed = [p for p in parts if p.role == "print"]
    height = np.ptp(printed[0].vertices[:, 2])
    if len(printed) > 1:
        return float(np.mean([np.hypot(*np.ptp(p.vertices[:, :2], axis=0)) for p in printed]) / height)
    return float(2 * np.pi * np.hypot(*printed[0].vertices[:, :2].T).max() / tiles / height)
