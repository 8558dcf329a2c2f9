"""Simulated runs, and the verdicts that the gate and its peer get on them."""

import math
from dataclasses import dataclass

import numpy as np

from components.gates.bench.worlds import World
from components.gates.known import RIGHT, UNKNOWN, WRONG


@dataclass(frozen=True)
class Lots:
    """L runs of R references. right: bool [L, R]; known: bool [L, R], whether labels alone say which it is."""

    right: np.ndarray
    known: np.ndarray

    def scores(self, answered: bool) -> np.ndarray:
        """RIGHT, WRONG or UNKNOWN, int8 [L, R]. answered: people answer what labels leave open."""
        verdicts = np.where(self.right, np.int8(RIGHT), np.int8(WRONG))
        return verdicts if answered else np.where(self.known, verdicts, np.int8(UNKNOWN))


def simulate(world: World, lots: int, share: float, rng: np.random.Generator) -> Lots:
    """Runs of which exactly `share` of the references is right, rounded down: this run's references are the truth.

    They are made with their clusters first. Then the fewest references, chosen at random, change.
    """
    right = world.rightness(rng, lots, share)
    wanted = math.floor(share * right.shape[1] + 1e-9)
    for run in right:
        surplus = int(run.sum()) - wanted
        changing = rng.choice(np.flatnonzero(run == (surplus > 0)), abs(surplus), replace=False)
        run[changing] = surplus < 0
    return Lots(right, _known(world, right, rng))


def drawn(world: World, lots: Lots, answered: bool, most: int, rng: np.random.Generator) -> np.ndarray:
    """Verdicts on sets drawn at random without replacement, one view of each: RIGHT, WRONG or UNKNOWN, int8 [L, most].

    answered: people answer what labels leave open. Draws beyond the last set are UNKNOWN.
    """
    turns = rng.random((len(lots.right), world.sets), np.float32)
    count = min(most, world.sets)
    first = np.argpartition(turns, count - 1, axis=1)[:, :count]
    places = rng.permuted(first, axis=1)  # a partition leaves neighbours together, which are of one product
    references = places * world.views + rng.integers(world.views, size=places.shape)
    scores = np.take_along_axis(lots.scores(answered), references, axis=1)
    return np.pad(scores, ((0, 0), (0, most - count)), constant_values=UNKNOWN)


def labelled_in_turn(world: World, lots: Lots, most: int, rng: np.random.Generator) -> np.ndarray:
    """Verdicts on all pairs that labels decide, unit after unit in random order, int8 [L, most]; then UNKNOWN."""
    units = int(world.unit.max()) + 1
    turns = rng.permuted(np.tile(np.arange(units, dtype=np.int16), (len(lots.right), 1)), axis=1)
    turn_of_pair = np.where(lots.known, turns[:, world.unit], np.int16(units))
    pairs = np.argsort(turn_of_pair, axis=1, kind="stable")[:, :most]
    scores = np.take_along_axis(lots.scores(answered=False), pairs, axis=1)
    return np.pad(scores, ((0, 0), (0, most - pairs.shape[1])), constant_values=UNKNOWN)


def _known(world: World, right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A right pair needs one labelled product to be seen, a wrong one needs two."""
    if world.labelled == 1:
        return np.ones_like(right)
    units = int(world.unit.max()) + 1
    labelled = rng.permuted(np.tile(np.arange(units), (len(right), 1)), axis=1) < round(world.labelled * units)
    other = (world.unit + rng.integers(1, units, size=right.shape)) % units  # the product that a wrong pair shows
    return labelled[:, world.unit] & (right | np.take_along_axis(labelled, other, axis=1))
