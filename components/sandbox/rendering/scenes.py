"""Scenes: a room corner, its light, a camera, and where the products stand. Only numbers; nothing is rendered here."""

from dataclasses import dataclass, replace

import numpy as np

from components.sandbox.rendering.designs import Design
from components.sandbox.rendering.palette import WALLS, Rgb, jitter
from components.sandbox.rendering.shapes import front
from components.sandbox.rendering.surfaces import FLOORS, WALL_KINDS

FLOOR_TONES: dict[str, tuple[tuple[int, int, int], ...]] = {
    "wooden": ((176, 124, 80), (150, 100, 62), (196, 158, 112), (122, 84, 58), (188, 176, 158)),
    "tiled": ((196, 190, 178), (150, 160, 164), (176, 148, 126), (140, 152, 138)),
    "checkered": ((176, 170, 160), (160, 134, 122), (132, 148, 164), (150, 160, 134)),
    "marble": ((214, 210, 204), (168, 172, 170), (190, 176, 160), (130, 138, 142)),
    "speckled": ((190, 186, 180), (160, 156, 158), (176, 160, 144), (136, 144, 150)),
    "woven": ((190, 174, 148), (134, 146, 162), (150, 134, 128), (140, 156, 132), (168, 140, 148)),
    "plain": ((184, 178, 168), (158, 160, 162), (170, 150, 132), (140, 152, 158), (160, 168, 142)),
}

POLISHED = 0.35  # share of shiny floors that mirror what stands on them


@dataclass(frozen=True)
class Surface:
    """A textured plane: its kind, colour (sRGB, 0..1), texture seed, repeats per unit length.

    roughness: of its gloss; None is matt, 0 is like polished stone.
    """

    kind: str
    rgb: Rgb
    seed: tuple[int, ...]
    scale: float
    roughness: float | None


@dataclass(frozen=True)
class Camera:
    """Where the camera stands and looks (room units, z up), its horizontal field of view in degrees."""

    origin: tuple[float, float, float]
    target: tuple[float, float, float]
    fov: float


@dataclass(frozen=True)
class Light:
    """A rectangular lamp: place, side, radiance (linear RGB); and the constant ambient radiance."""

    origin: tuple[float, float, float]
    side: float
    radiance: Rgb
    ambient: Rgb


@dataclass(frozen=True)
class Placement:
    """A product in a room: footprint centre (x, y) and its turn about z in degrees."""

    design: Design
    x: float
    y: float
    yaw: float


@dataclass(frozen=True)
class Scene:
    """One photograph's world."""

    floor: Surface
    wall: Surface
    wall_colour: str
    wall_distance: float
    light: Light
    camera: Camera
    placements: tuple[Placement, ...]
    sampler_seed: int

    @property
    def setting(self) -> str:
        """The end of every caption."""
        return f"on a {self.floor.kind} floor beside a {self.wall_colour} wall"

    def shows_front(self, product: int) -> bool:
        """Whether more of a product's front than of its back faces the camera."""
        placement = self.placements[product]
        towards = np.arctan2(self.camera.origin[1] - placement.y, self.camera.origin[0] - placement.x)
        return bool(np.cos(towards - np.radians(placement.yaw + front(placement.design.shape))) >= 0)


def _triple(values: np.ndarray) -> tuple[float, float, float]:
    x, y, z = map(float, values)
    return x, y, z


def _floor(rng: np.random.Generator, seed: tuple[int, ...]) -> Surface:
    kind = str(rng.choice(list(FLOORS)))
    tone = FLOOR_TONES[kind][rng.integers(len(FLOOR_TONES[kind]))]
    shiny = kind in ("wooden", "tiled", "checkered", "marble", "speckled") and rng.random() < 0.55
    roughness = None if not shiny else 0.0 if rng.random() < POLISHED else float(rng.uniform(0.1, 0.28))
    return Surface(kind, jitter(tone, rng), (*seed, 1), float(rng.uniform(0.3, 0.48)), roughness)


def _wall(rng: np.random.Generator, seed: tuple[int, ...]) -> tuple[str, Surface]:
    colour = str(rng.choice(list(WALLS)))
    kind = str(rng.choice(list(WALL_KINDS)))
    return colour, Surface(kind, jitter(WALLS[colour], rng), (*seed, 2), float(rng.uniform(0.34, 0.5)), None)


def _light(rng: np.random.Generator) -> Light:
    """A lamp above the camera, strong enough to expose a white floor at the origin to about white."""
    azimuth, height = rng.uniform(0, 2 * np.pi), rng.uniform(4.8, 6.2)
    reach = rng.uniform(1.2, 4.2)
    # The lamp stays in front of the wall and above every camera ray, because its back is black.
    origin = np.array([reach * np.cos(azimuth), reach * np.sin(azimuth) - 1.6, height])
    side = np.exp(rng.uniform(np.log(0.35), np.log(2.6)))  # small lamps cast hard shadows
    distance = np.linalg.norm(origin)
    irradiance = rng.uniform(2.6, 3.7)
    strength = irradiance * distance**2 / side**2 / (height / distance)
    ambient = rng.uniform(0.08, 0.5)
    warm = np.array([1.06, 1.0, 0.88])
    tints = [warm ** rng.uniform(-0.9, 1.1) for _ in range(2)]
    return Light(_triple(origin), float(side), _triple(strength * tints[0]), _triple(ambient * tints[1]))


def _camera(rng: np.random.Generator, count: int) -> Camera:
    distance = rng.uniform(2.9, 4.1) if count == 1 else rng.uniform(3.7, 4.8)
    azimuth, elevation = np.radians(rng.uniform(-40, 40)), np.radians(rng.uniform(14, 46))
    target = np.array([*rng.uniform(-0.3, 0.3, 2), rng.uniform(0.25, 0.5)])
    direction = np.array([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)])
    origin = target + distance * direction
    return Camera(_triple(origin), _triple(target), float(rng.uniform(30, 41)))


def _placements(rng: np.random.Generator, designs: tuple[Design, ...], camera: Camera) -> tuple[Placement, ...]:
    yaws = rng.uniform(0, 360, len(designs))
    if len(designs) == 1:
        return (Placement(designs[0], 0.0, 0.0, float(yaws[0])),)
    # Side by side as the camera sees it, up to 35 degrees askew: outlines touch, but seldom hide each other.
    azimuth = np.arctan2(camera.target[1] - camera.origin[1], camera.target[0] - camera.origin[0])
    angle = azimuth + np.pi / 2 + np.radians(rng.uniform(-35, 35)) + np.pi * rng.integers(2)
    half = rng.uniform(0.5, 0.78)
    offset = half * np.array([np.cos(angle), np.sin(angle)])
    return tuple(
        Placement(design, float(sign * offset[0]), float(sign * offset[1]), float(yaw))
        for design, sign, yaw in zip(designs, (1, -1), yaws, strict=True)
    )


def draw_scene(designs: tuple[Design, ...], seed: tuple[int, ...]) -> Scene:
    """The scene of a seed for one or two designs; the same seed always gives the same scene."""
    rng = np.random.default_rng(list(seed))
    floor = _floor(rng, seed)
    colour, wall = _wall(rng, seed)
    light, camera = _light(rng), _camera(rng, len(designs))
    placements = _placements(rng, designs, camera)
    return Scene(floor, wall, colour, float(rng.uniform(1.5, 3.0)), light, camera, placements,
                 int(rng.integers(1 << 31)))  # fmt: skip


def nudge(scene: Scene, degrees: float) -> Scene:
    """The next frame of a burst: the camera swung about its target by some degrees, with other film grain."""
    turn = np.radians(degrees)
    origin, target = np.array(scene.camera.origin), np.array(scene.camera.target)
    x, y, z = origin - target
    offset = np.array([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), z])
    camera = Camera(_triple(target + offset), scene.camera.target, scene.camera.fov)
    return replace(scene, camera=camera, sampler_seed=scene.sampler_seed ^ 1)
