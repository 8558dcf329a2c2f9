"""False passes and power of the gate and of its peer: the same runs, the same truth, the same number of pairs.

What differs is which pairs they are. Ours are drawn at random, and people answer what labels leave open.
Clopper-Pearson has what the gate had before: the pairs of labelled products, one product after the other. A run with
fewer sets than draws gives ours fewer pairs than its peer, one per set.
"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np

from components.common.acceptance import draws_needed, pass_probabilities
from components.common.data.seeds import numpy_rng
from components.common.stage.progress import track
from components.gates.bench.lots import drawn, labelled_in_turn, simulate
from components.gates.bench.procedures import boundaries, looks_at, passed_by
from components.gates.bench.rows import LOOKS, OURS, PEER, Row
from components.gates.bench.worlds import World, all_worlds, quick_worlds
from components.gates.params import Recurrence

QUICK_LOTS, FULL_LOTS = 2000, 10_000
BATCH = 250  # runs in memory at a time
LABELS_ONLY = "labels only"


@dataclass(frozen=True)
class Plan:
    """limit, expected: shares of right references. planned: draws. fewest: a table of `boundaries` by procedure."""

    limit: float
    expected: float
    planned: int
    fewest: dict[str, np.ndarray]

    @property
    def most(self) -> int:
        """Draws that the last look at most sees."""
        return max(self.planned, *LOOKS)


Passes = Counter[tuple[str, int]]
"""How many runs passed, by procedure (also LABELS_ONLY) and number of looks."""


def plan_of(params: Recurrence) -> Plan:
    """What the gate plans with these parameters."""
    limit, expected, confidence = params.min_precision, params.expected_precision, params.confidence
    planned = draws_needed(limit, expected, params.power, params.max_sample, confidence)
    return Plan(limit, expected, planned, boundaries(limit, confidence, max(planned, *LOOKS)))


def bench(params: Recurrence, full: bool, seed: int) -> list[Row]:
    """The rows of all worlds. Quick takes less than a minute on one core, full several."""
    plan = plan_of(params)
    worlds, lots = (all_worlds(), FULL_LOTS) if full else (quick_worlds(), QUICK_LOTS)
    return exact_rows(plan) + [row for world in track(worlds, "worlds") for row in rows_of(world, plan, lots, seed)]


def exact_rows(plan: Plan) -> list[Row]:
    """Independent pairs of an endless run, for which nothing needs to be simulated."""
    rows = []
    for procedure, fewest in plan.fewest.items():
        for looks in LOOKS:
            at = looks_at(looks, plan.planned)
            false_pass = float(pass_probabilities(fewest, plan.limit, at)[-1])
            power = float(pass_probabilities(fewest, plan.expected, at[at <= plan.planned])[-1])
            rows.append(Row(procedure, "independent pairs", 0, looks, int(at[-1]), false_pass, 0.0, power, 0.0, 0))
    return rows


def rows_of(world: World, plan: Plan, lots: int, seed: int) -> list[Row]:
    """Both procedures in one world, at every number of looks; each figure from `lots` simulated runs."""
    at_limit = _passes(world, plan, plan.limit, plan.most, lots, seed)
    as_expected = _passes(world, plan, plan.expected, plan.planned, lots, seed)
    rows = []
    for procedure in (OURS, PEER):
        for looks in LOOKS:
            open_labels = procedure == OURS and world.labelled < 1
            false_pass, power = at_limit[procedure, looks] / lots, as_expected[procedure, looks] / lots
            row = Row(
                procedure=procedure,
                world=world.name,
                sets=world.sets,
                looks=looks,
                draws=int(looks_at(looks, plan.planned)[-1]),
                false_pass=false_pass,
                false_pass_se=standard_error(false_pass, lots),
                power=power,
                power_se=standard_error(power, lots),
                lots=lots,
                labels_only_false_pass=at_limit[LABELS_ONLY, looks] / lots if open_labels else None,
                labels_only_power=as_expected[LABELS_ONLY, looks] / lots if open_labels else None,
            )
            rows.append(row)
    return rows


def standard_error(share: float, lots: int) -> float:
    """Of a share among `lots` runs; where all runs agree, as if one more had gone the other way."""
    bounded = min(max(share, 1 / (lots + 1)), lots / (lots + 1))
    return math.sqrt(bounded * (1 - bounded) / lots)


def _passes(world: World, plan: Plan, share: float, most: int, lots: int, seed: int) -> Passes:
    """How many of the runs with this share of right references pass by `most` draws."""
    passes: Passes = Counter()
    for first in range(0, lots, BATCH):
        rng = numpy_rng(seed, "bench gates", world.name, world.sets, repr(share), first)
        runs = simulate(world, min(BATCH, lots - first), share, rng)
        scores = {
            OURS: drawn(world, runs, True, most, rng),
            PEER: labelled_in_turn(world, runs, most, rng),
        }
        if world.labelled < 1:
            scores[LABELS_ONLY] = drawn(world, runs, False, most, rng)
        for name, verdicts in scores.items():
            for looks in LOOKS:
                at = looks_at(looks, plan.planned)
                passed = passed_by(verdicts, at[at <= most], plan.fewest[PEER if name == PEER else OURS])
                passes[name, looks] += int(passed[:, -1].sum())
    return passes
