"""Designs of products: a catalogue dealt in confuser groups, each group within one split."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np

from components.common.errors import UserError
from components.sandbox.params import SPLITS, RenderParams, Split
from components.sandbox.rendering.palette import COLOURS, Rgb, draw_palette, jitter, lighter_first
from components.sandbox.rendering.prints import EVEN, PRINTS

SHAPES = ("mug", "bottle", "vase", "bowl", "can", "jar", "box", "carton", "ball", "shaker")
FINISHES = ("matt", "satin", "gloss", "chrome")
SIDED = 3  # one in this many confuser groups has products that look different from behind
STRANGER_GROUPS = 1_000  # group numbers of the showroom start here
DRAWS = 1_000_000  # of groups, before colours, prints and shapes count as used up
_CATALOGUE, _STRANGERS = 101, 102


@dataclass(frozen=True)
class Face:
    """What a product shows to one side: a print in a ground, a figure and a third colour."""

    print: str
    colours: tuple[str, str, str]
    rgb: tuple[Rgb, Rgb, Rgb]


@dataclass(frozen=True)
class Design:
    """Everything about a product except its place. `back` is the back's print, if it has one."""

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
    back: str | None = None

    def face(self, front: bool) -> Face:
        """The front, or the back: another print, its figure in the trim's colour. Most designs have only a front."""
        if front or self.back is None:
            return Face(self.print, self.colours, self.rgb)
        ground, figure, trim = self.colours
        return Face(self.back, (ground, trim, figure), (self.rgb[0], self.rgb[2], self.rgb[1]))

    def phrase(self, front: bool) -> str:
        """The noun phrase in captions for what is seen, such as "striped red and white mug"."""
        face = self.face(front)
        first, second = in_words(face.print, *face.colours[:2])
        return f"{face.print} {first} and {second} {self.shape}"


def in_words(print_: str, ground: str, figure: str) -> tuple[str, ...]:
    """The two main colours as captions name them: ground and figure, or for an even print the lighter one first."""
    return lighter_first(ground, figure) if print_ in EVEN else (ground, figure)


def _design(
    name: str, group: int, shape: str, print_: str, back: str | None, print_seed: tuple[int, ...], palette: tuple
) -> Design:
    colours, rgb = palette
    # The form belongs to (group, shape): two prints of one group on one shape differ only in the print.
    rng = np.random.default_rng([*print_seed[:-1], SHAPES.index(shape)])
    return Design(
        name=name, group=group, shape=shape, print=print_, colours=colours, rgb=rgb, print_seed=print_seed,
        finish=str(rng.choice(FINISHES)), roughness=float(rng.uniform(0.08, 0.25)),
        size=float(rng.uniform(0.86, 1.14)), stretch=float(rng.uniform(0.88, 1.14)), back=back,
    )  # fmt: skip


def _group(seed: int, stream: int, draw: int, group: int, sided: bool) -> list[Design]:
    """Three confusers: a shape with a print, the same shape with another print, another shape with the same print."""
    rng = np.random.default_rng([seed, stream, draw])
    colours = draw_palette(rng, three=sided)
    rgb = tuple(jitter(COLOURS[name], rng) for name in colours)
    shape, other_shape = (SHAPES[k] for k in rng.permutation(len(SHAPES))[:2])
    print_, other_print, behind = (list(PRINTS)[k] for k in rng.permutation(len(PRINTS))[:3])
    members, back = ((shape, print_, 0), (shape, other_print, 1), (other_shape, print_, 0)), behind if sided else None
    return [
        _design(f"{form}-{3 * group + k:04d}", group, form, pattern, back, (seed, stream, draw, ink), (colours, rgb))
        for k, (form, pattern, ink) in enumerate(members)
    ]


def _groups(seed: int) -> Iterator[list[Design]]:
    """Confuser groups, no two with the same main colours and print, or shape; `UserError` when there are no more."""
    used: set[tuple] = set()
    group = 0
    for draw in range(DRAWS):
        members = _group(seed, _CATALOGUE, draw, group, group % SIDED == 1)
        keys = {(frozenset(d.colours[:2]), word) for d in members for word in (d.shape, d.print)}
        if not keys & used:
            used |= keys
            yield members
            group += 1
    raise UserError(f"only {group} groups of designs were found that differ from each other: ask for fewer designs")


@dataclass(frozen=True)
class Catalogue:
    """The recurring designs of each split, and the designs that appear once."""

    recurring: dict[Split, tuple[Design, ...]]
    loners: dict[Split, tuple[Design, ...]]


def catalogue(params: RenderParams, seed: int) -> Catalogue:
    """Deal confuser groups to the splits, then one design of each further group to the loners.

    The showroom may have any design that the other splits do not have.
    """
    stream = _groups(seed)
    recurring: dict[Split, tuple[Design, ...]] = {}
    loners: dict[Split, tuple[Design, ...]] = {"showroom": ()}
    for split in SPLITS[:-1]:
        groups = islice(stream, params.of(split).designs // 3)
        dealt = (design for group in groups for design in group)
        recurring[split] = tuple(dealt if params.of(split).sided else (replace(design, back=None) for design in dealt))
    for split in SPLITS[:-1]:
        settings = params.of(split)
        # Every subject of a fixed-main split may need a bystander of its own.
        number = round(settings.designs * settings.views) if settings.fixed_main else settings.loners
        loners[split] = tuple(group[0] for group in islice(stream, number))
    taken = {_look(design) for designs in (*recurring.values(), *loners.values()) for design in designs}
    strangers = (design for group in _strangers(seed) for design in group if _look(design) not in taken)
    recurring["showroom"] = tuple(islice(strangers, params.showroom.designs))
    return Catalogue(recurring, loners)


def _look(design: Design) -> tuple:
    return frozenset(design.colours[:2]), design.print, design.shape


def _strangers(seed: int) -> Iterator[list[Design]]:
    """Endless confuser groups that may share looks with each other."""
    for draw in count():
        yield _group(seed, _STRANGERS, draw, STRANGER_GROUPS + draw, draw % SIDED == 1)
