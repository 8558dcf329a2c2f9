"""Designs of products: a catalogue dealt into confuser groups, each group inside one split."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from components.sandbox.palette import COLOURS, Rgb, draw_palette, jitter
from components.sandbox.params import SPLITS, RenderParams, Split
from components.sandbox.prints import PRINTS

SHAPES = ("mug", "bottle", "vase", "bowl", "can", "jar", "box", "carton", "ball", "shaker")
FINISHES = ("matt", "satin", "gloss")
_CATALOGUE = 101


@dataclass(frozen=True)
class Design:
    """A product as it leaves the factory: everything but where it stands."""

    name: str
    group: int
    shape: str
    print: str
    colours: tuple[str, str, str]
    rgb: tuple[Rgb, Rgb, Rgb]
    print_seed: tuple[int, ...]
    finish: str
    roughness: float
    size: float
    stretch: float

    @property
    def phrase(self) -> str:
        """The noun phrase of captions, as "striped red and white mug"."""
        return f"{self.print} {self.colours[0]} and {self.colours[1]} {self.shape}"


def _design(name: str, group: int, shape: str, print_: str, print_seed: tuple[int, ...], palette: tuple) -> Design:
    colours, rgb = palette
    # The form belongs to (group, shape): two prints of one group on one shape differ in nothing else.
    rng = np.random.default_rng([*print_seed[:-1], SHAPES.index(shape)])
    return Design(
        name=name, group=group, shape=shape, print=print_, colours=colours, rgb=rgb, print_seed=print_seed,
        finish=str(rng.choice(FINISHES)), roughness=float(rng.uniform(0.08, 0.25)),
        size=float(rng.uniform(0.86, 1.14)), stretch=float(rng.uniform(0.88, 1.14)),
    )  # fmt: skip


def _groups(seed: int) -> Iterator[list[Design]]:
    """Endless confuser groups; no two share (two main colours, print) or (two main colours, shape)."""
    used: set[tuple] = set()
    group = number = 0
    for draw in range(1_000_000):
        rng = np.random.default_rng([seed, _CATALOGUE, draw])
        colours = draw_palette(rng)
        rgb = tuple(jitter(COLOURS[name], rng) for name in colours)
        shape, other_shape = (SHAPES[k] for k in rng.permutation(len(SHAPES))[:2])
        print_, other_print = (list(PRINTS)[k] for k in rng.permutation(len(PRINTS))[:2])
        pair = frozenset(colours[:2])
        keys = {(pair, word) for word in (shape, other_shape, print_, other_print)}
        if keys & used:
            continue
        used |= keys
        members = []
        for form, pattern, ink in ((shape, print_, 0), (shape, other_print, 1), (other_shape, print_, 0)):
            name, print_seed = f"{form}-{number:04d}", (seed, _CATALOGUE, draw, ink)
            members.append(_design(name, group, form, pattern, print_seed, (colours, rgb)))
            number += 1
        yield members
        group += 1


@dataclass(frozen=True)
class Catalogue:
    """The recurring designs of each split, and the designs that appear once."""

    recurring: dict[Split, tuple[Design, ...]]
    loners: dict[Split, tuple[Design, ...]]


def catalogue(params: RenderParams, seed: int) -> Catalogue:
    """Deal confuser groups to the splits, then one design of each further group to the loners."""
    stream = _groups(seed)
    recurring, loners = {}, {}
    for split in SPLITS:
        groups = islice(stream, params.of(split).designs // 3)
        recurring[split] = tuple(design for group in groups for design in group)
    for split in SPLITS:
        settings = params.of(split)
        # Every subject of a fixed-main split may need a bystander of its own.
        count = round(settings.designs * settings.views) if settings.fixed_main else settings.loners
        loners[split] = tuple(group[0] for group in islice(stream, count))
    return Catalogue(recurring, loners)
