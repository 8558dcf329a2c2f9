"""Runs in which right references come in clusters: the worlds that the gate is tested in.

Every set has equally many references, and each reference is a pair of its own. So the share of right references and the
precision of the pairs are one number, and neither procedure is favoured by what it estimates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

VIEWS = 3  # references of a set: the fewest that mining takes
PHOTOGRAPHS = 4  # of a product: each is the anchor of one set, and the others are its views
HOOD = 19  # objects of a neighbourhood in which every object is compared with every other one
ALIKE = 0.2  # correlation of what decides about two pairs that share an object
CLEAR = 0.95  # share of right references of products that have no look-alikes
Rightness = Callable[[np.random.Generator, int, float], np.ndarray]
"""From a generator, a number of runs L and the expected share to bool [L, R]: which references are right."""
Rates = Callable[[np.random.Generator, tuple[int, int], float], np.ndarray]
"""From a generator, (L, U) and the expected share to float [L, U]: the share of right references of each unit."""


@dataclass(frozen=True)
class World:
    """Runs of R references, set after set.

    views: references of each set. unit: int [R], what each reference's anchor is labelled together with: a product, a
    family, a neighbourhood. labelled: share of the units that have labels, 0..1.
    """

    name: str
    views: int
    unit: np.ndarray
    rightness: Rightness
    labelled: float = 1.0

    @property
    def sets(self) -> int:
        """How many sets a run has."""
        return len(self.unit) // self.views


def quick_worlds() -> list[World]:
    """One size of run, one of each kind."""
    return [*_worlds(2000, zipf_icc=(0.3,), family=(4,), labelled=(0.1,)), *_few_products(2000, (20,))]


def all_worlds() -> list[World]:
    """Three sizes of run; more of each kind; few products and few objects."""
    variants = (0.1, 0.3, 0.5), (2, 4, 8), (0.1, 0.3, 0.5)
    of_each_size = [world for sets in (160, 700, 2000) for world in _worlds(sets, *variants)]
    return of_each_size + _few_products(2000, (8, 20, 40, 100, 200)) + [one_hood(n) for n in (21, 51, 101, 201)]


def _worlds(
    sets: int, zipf_icc: tuple[float, ...], family: tuple[int, ...], labelled: tuple[float, ...]
) -> list[World]:
    many = sets // PHOTOGRAPHS
    return [
        *(equal_products(sets, many, icc) for icc in (0.0, 0.1, 0.3, 0.5)),
        *(zipf_products(sets, many, icc) for icc in zipf_icc),
        shared_objects(sets),
        *(look_alikes(sets, size) for size in family),
        *(partly_labelled(sets, share) for share in labelled),
    ]


def _few_products(sets: int, products: tuple[int, ...]) -> list[World]:
    """Runs of few products with many photographs each."""
    makers: tuple[Callable[[int, int], World], ...] = (
        lambda sets, count: equal_products(sets, count, 0.3),
        lambda sets, count: zipf_products(sets, count, 0.3),
        rare_all_wrong,
    )
    return [make(sets, count) for count in products for make in makers]


def equal_products(sets: int, products: int, icc: float) -> World:
    """Products with equally many photographs. icc: correlation of two references of a product, 0..1."""
    unit = np.repeat(np.arange(sets) * products // sets, VIEWS)
    return World(f"{products} equal products, ICC {icc:g}", VIEWS, unit, _clustered(unit, _beta(icc)))


def zipf_products(sets: int, products: int, icc: float) -> World:
    """Products whose numbers of photographs fall as 1 / rank."""
    unit = _zipf(sets, products)
    return World(f"{products} Zipf products, ICC {icc:g}", VIEWS, unit, _clustered(unit, _beta(icc)))


def rare_all_wrong(sets: int, products: int) -> World:
    """Zipf's products, of which the rarest are wrong throughout, and the others right."""
    unit = _zipf(sets, products)

    def rightness(rng: np.random.Generator, lots: int, share: float) -> np.ndarray:
        return np.tile(np.arange(len(unit)) < share * len(unit), (lots, 1))

    return World(f"{products} Zipf products, the rare ones wrong", VIEWS, unit, rightness)


def _zipf(sets: int, products: int) -> np.ndarray:
    weights = 1 / np.arange(1, products + 1)
    product = np.searchsorted(np.cumsum(weights / weights.sum()), (np.arange(sets) + 0.5) / sets)
    return np.repeat(product, VIEWS)


def look_alikes(sets: int, size: int) -> World:
    """Families of `size` products, some of them so alike that a reference shows any of them."""
    anchors = size * PHOTOGRAPHS
    unit = np.repeat(np.arange(sets // anchors), anchors * VIEWS)

    def rates(rng: np.random.Generator, shape: tuple[int, int], share: float) -> np.ndarray:
        alike = (CLEAR - share) / (CLEAR - 1 / size)
        return np.where(rng.random(shape) < alike, 1 / size, CLEAR)

    return World(f"families of {size} look-alikes", VIEWS, unit, _clustered(unit, rates))


def shared_objects(sets: int) -> World:
    """Neighbourhoods of objects: each pair is compared once; the easier its two objects, the likelier it is right."""
    return _dyads("pairs that share objects", hoods=sets // HOOD, size=HOOD)


def one_hood(objects: int) -> World:
    """A run in which all objects are compared with one another."""
    return _dyads(f"pairs of {objects} objects", hoods=1, size=objects)


def _dyads(name: str, hoods: int, size: int) -> World:
    steps = np.arange(1, (size - 1) // 2 + 1)  # an object's views are those that follow it on a circle
    anchor = np.tile(np.repeat(np.arange(size), len(steps)), hoods)
    hood = np.repeat(np.arange(hoods), size * len(steps))
    first, second = hood * size + anchor, hood * size + (anchor + np.tile(steps, hoods * size)) % size
    unit = hood if hoods > 1 else anchor

    def rightness(rng: np.random.Generator, lots: int, share: float) -> np.ndarray:
        ease = math.sqrt(ALIKE) * rng.standard_normal((lots, hoods * size), np.float32)
        own = math.sqrt(1 - 2 * ALIKE) * rng.standard_normal((lots, len(unit)), np.float32)
        return ease[:, first] + ease[:, second] + own > NormalDist().inv_cdf(1 - share)

    return World(name, len(steps), unit, rightness)


def partly_labelled(sets: int, labelled: float) -> World:
    """Labels name every photograph of some products, and nothing else."""
    unit = np.repeat(np.arange(sets // PHOTOGRAPHS), PHOTOGRAPHS * VIEWS)

    def rightness(rng: np.random.Generator, lots: int, share: float) -> np.ndarray:
        return rng.random((lots, len(unit)), np.float32) < share

    return World(f"labels for {labelled:.0%} of the products", VIEWS, unit, rightness, labelled)


def _beta(icc: float) -> Rates:
    if not icc:
        return lambda rng, shape, share: np.full(shape, share)
    spread = (1 - icc) / icc
    return lambda rng, shape, share: rng.beta(share * spread, (1 - share) * spread, shape)


def _clustered(unit: np.ndarray, rates: Rates) -> Rightness:
    """References of a unit are right with one probability, and independent beyond it."""

    def rightness(rng: np.random.Generator, lots: int, share: float) -> np.ndarray:
        of_unit = rates(rng, (lots, int(unit.max()) + 1), share).astype(np.float32)
        return rng.random((lots, len(unit)), np.float32) < of_unit[:, unit]

    return rightness
