"""Mitsuba calls: a photograph, its clean plates, masks and covers. The only module that imports mitsuba."""

from functools import lru_cache
from typing import Any

import drjit as dr
import mitsuba as mi
import numpy as np

from components.sandbox.rendering.designs import Design
from components.sandbox.rendering.scenes import Placement, Scene, Surface
from components.sandbox.rendering.shapes import Part, build
from components.sandbox.rendering.skins import FINE, ROLES, wrap
from components.sandbox.rendering.surfaces import FLOORS, WALL_KINDS, draw_surface

mi.set_variant("scalar_rgb")
dr.set_thread_count(0)

BACKDROP = 9.0
PASSES = 4
CHROME, BRUSHED = 0.06, 0.28
"""Roughness of mirror-like trims and of can rims."""


def _texture(pixels: np.ndarray, across: float, up: float) -> dict:
    scale = mi.ScalarTransform4f().scale([across, up, 1])
    return {"type": "bitmap", "bitmap": mi.Bitmap(np.array(pixels)), "to_uv": scale}


def _plain(rgb: tuple) -> dict:
    linear = np.asarray(rgb, float) ** 2.2
    return {"type": "rgb", "value": [float(c) for c in linear]}


def _coat(reflectance: dict, finish: str, roughness: float) -> dict:
    inner: dict[str, Any]
    if finish == "matt":
        inner = {"type": "diffuse", "reflectance": reflectance}
    elif finish == "satin":
        inner = {"type": "roughplastic", "diffuse_reflectance": reflectance, "alpha": roughness, "nonlinear": True}
    else:
        inner = {"type": "plastic", "diffuse_reflectance": reflectance, "nonlinear": True}
    return {"type": "twosided", "bsdf": inner}


def _plane(surface: Surface, kinds: dict, to_world: mi.ScalarTransform4f) -> dict:
    pixels = draw_surface(kinds[surface.kind], surface.rgb, list(surface.seed))
    repeats = surface.scale * 2 * BACKDROP
    finish = "matt" if surface.roughness is None else "satin" if surface.roughness else "gloss"
    coat = _coat(_texture(pixels, repeats, repeats), finish, surface.roughness or 0.0)
    return {"type": "rectangle", "to_world": to_world, "bsdf": coat}


def _room(scene: Scene) -> dict:
    at = mi.ScalarTransform4f()
    wall = at.translate([0, scene.wall_distance, 0]).rotate([1, 0, 0], 90).scale(BACKDROP)
    strip = at.translate([0, scene.wall_distance, 0.09]).scale([BACKDROP, 0.03, 0.09])
    lamp = at.look_at(origin=list(scene.light.origin), target=[0, 0, 0], up=[0, 1, 0.01]).scale(scene.light.side / 2)
    return {
        "floor": _plane(scene.floor, FLOORS, at.scale(BACKDROP)),
        "wall": _plane(scene.wall, WALL_KINDS, wall),
        "skirting": {"type": "cube", "to_world": strip, "bsdf": _coat(_plain((0.86, 0.85, 0.82)), "matt", 0)},
        "lamp": {
            "type": "rectangle", "to_world": lamp,
            "light": {"type": "area", "radiance": {"type": "rgb", "value": list(scene.light.radiance)}},
        },
        "ambient": {"type": "constant", "radiance": {"type": "rgb", "value": list(scene.light.ambient)}},
    }  # fmt: skip


def _sensor(scene: Scene, side: int, spp: int, rfilter: str) -> dict:
    camera = scene.camera
    to_world = mi.ScalarTransform4f().look_at(list(camera.origin), list(camera.target), [0, 0, 1])
    return {
        "type": "perspective", "fov": camera.fov,
        "to_world": to_world,
        "film": {"type": "hdrfilm", "width": side, "height": side, "pixel_format": "rgb",
                 "component_format": "float32", "rfilter": {"type": rfilter}},
        "sampler": {"type": "multijitter", "sample_count": spp},
    }  # fmt: skip


def _mesh(part: Part, placement: Placement, plugins: dict[str, dict]) -> mi.Mesh:
    """A part where it stands; `plugins` are its BSDF or emitter."""
    props = mi.Properties()
    for name, plugin in plugins.items():
        props[name] = mi.load_dict(plugin)
    mesh = mi.Mesh(part.role, len(part.vertices), len(part.faces), has_vertex_normals=True, has_vertex_texcoords=True,
                   props=props)  # fmt: skip
    turn = np.radians(placement.yaw)
    rotation = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    fields = mi.traverse(mesh)
    fields["vertex_positions"] = (part.vertices @ rotation.T + (placement.x, placement.y, 0)).ravel()
    fields["vertex_normals"] = (part.normals @ rotation.T).ravel()
    # Row 0 of a bitmap is v = 0: without the flip all lettering is upside down.
    fields["vertex_texcoords"] = (part.uv * (1, -1) + (0, 1)).ravel()
    fields["faces"] = part.faces.ravel()
    fields.update()
    return mesh


@lru_cache(maxsize=64)
def _wrap(design: Design) -> tuple[np.ndarray, int]:
    return wrap(design, design.rgb)


def _metal(roughness: float) -> dict:
    return {"type": "twosided", "bsdf": {"type": "roughconductor", "material": "Al", "alpha": roughness}}


def _coats(design: Design) -> dict[str, dict]:
    around, repeats = _wrap(design)
    trim = _coat(_plain(design.rgb[2]), design.finish, design.roughness)
    return {
        "print": _coat(_texture(around, repeats, 1), design.finish, design.roughness),
        "ground": _coat(_plain(design.rgb[0]), design.finish, design.roughness),
        "trim": _metal(CHROME) if design.finish == "chrome" else trim,
        "metal": _metal(BRUSHED),
    }


def _product(placement: Placement, name: str) -> dict:
    design = placement.design
    coats = _coats(design)
    parts = build(design.shape, design.size, design.stretch)
    return {f"{name}_{k}": _mesh(part, placement, {"bsdf": coats[part.role]}) for k, part in enumerate(parts)}


def photograph(scene: Scene, keep: tuple[int, ...], side: int, spp: int, max_depth: int) -> np.ndarray:
    """Render the room with the products whose positions are in `keep`: uint8 sRGB [side, side, 3]."""
    world = {"type": "scene", "integrator": {"type": "path", "max_depth": max_depth}}
    world |= {"sensor": _sensor(scene, side, -(-spp // PASSES), "gaussian")} | _room(scene)
    for k in keep:
        world |= _product(scene.placements[k], f"product{k}")
    loaded = mi.load_dict(world)
    seeds = [(scene.sampler_seed + k) % (1 << 32) for k in range(PASSES)]
    return _develop(_merged(np.stack([np.asarray(mi.render(loaded, seed=mi.UInt32(seed))) for seed in seeds])))


def _merged(passes: np.ndarray) -> np.ndarray:
    """The mean of linear passes [P, H, W, 3] without fireflies: light on a single path, missed by other passes."""
    luminance = passes.mean(-1)
    limit = 1.5 * np.median(luminance, axis=0) + 0.05
    return (passes * np.minimum(1, limit / np.maximum(luminance, 1e-6))[..., None]).mean(0)


def _develop(linear: np.ndarray) -> np.ndarray:
    """A film curve with a soft shoulder, then the sRGB transfer function."""
    linear = np.maximum(linear, 0)
    shoulder = np.where(linear < 0.6, linear, 0.6 + 0.4 * (1 - np.exp(-(linear - 0.6) / 0.4)))
    srgb = np.where(shoulder < 0.0031308, 12.92 * shoulder, 1.055 * shoulder ** (1 / 2.4) - 0.055)
    return np.round(255 * np.clip(srgb, 0, 1)).astype(np.uint8)


def masks(scene: Scene, keep: tuple[int, ...], side: int) -> np.ndarray:
    """Visible pixels of each kept product (at most three): bool [len(keep), side, side].

    Each product glows in one pure colour in the dark: the `aov` integrator's shape numbers differ per load.
    """
    world = {"type": "scene", "integrator": {"type": "path", "max_depth": 1}, "sensor": _sensor(scene, side, 8, "box")}
    for k in keep:
        pure = [float(channel == k) for channel in range(3)]
        world |= _glowing(scene.placements[k], f"product{k}", dict.fromkeys(ROLES, pure))
    seen = np.asarray(mi.render(mi.load_dict(world), seed=mi.UInt32(0)))
    return np.stack([seen[..., k] >= 0.5 for k in keep])


def covers(scene: Scene, side: int) -> np.ndarray:
    """What covers each product, uint8 [K, FINE * side, FINE * side, 3]: place on its print, and role, from 1.

    Place: u and v, 255 for a turn and the body's height; 0 off the print. Role: in `skins.ROLES`; 0 off the product.
    """
    sensor = _sensor(scene, FINE * side, 1, "box") | {"sampler": {"type": "independent", "sample_count": 1}}
    integrator = {"type": "aov", "aovs": "uv:uv", "glow": {"type": "path", "max_depth": 1}}
    world = {"type": "scene", "integrator": integrator, "sensor": sensor}
    for k, placement in enumerate(scene.placements):
        glow = {role: [k + 1.0, number, 0.0] for number, role in enumerate(ROLES, 1)}
        if placement.design.finish == "chrome":
            glow["trim"] = glow["metal"]
        world |= _glowing(placement, f"product{k}", glow)
    seen = np.nan_to_num(np.asarray(mi.render(mi.load_dict(world), seed=mi.UInt32(0))))
    product, role, where = np.round(seen[..., 0]), np.round(seen[..., 1:2]), np.clip(seen[..., 3:5], 0, 1)
    cover = np.concatenate([np.round(255 * where) * (role == 1), role], 2).astype(np.uint8)
    return np.stack([cover * (product == k + 1)[..., None] for k in range(len(scene.placements))])


def _glowing(placement: Placement, name: str, glow: dict[str, list[float]]) -> dict:
    design = placement.design
    meshes = {}
    for k, part in enumerate(build(design.shape, design.size, design.stretch)):
        lamp = {"type": "area", "radiance": {"type": "rgb", "value": glow[part.role]}}
        meshes[f"{name}_{k}"] = _mesh(part, placement, {"emitter": lamp})
    return meshes
