"""What the simulation gives: a row for each procedure, world and number of looks."""

from dataclasses import dataclass

OURS, PEER = "ours", "clopper-pearson"
LOOKS = (1, 5, 20, 400)


@dataclass(frozen=True)
class Row:
    """One procedure in one world.

    sets: of a run; 0 for an endless one. looks: how many times the verdict is read on the way. draws: pairs that the
    last look sees; fewer where a run has fewer sets, or fewer pairs whose labels are known. false_pass: share of runs
    that have passed by the last look although their share of right references is the limit. power: share of runs with
    the expected share that have passed by the planned draws. The columns that end in _se are their standard errors.
    lots: simulated runs per figure; 0: exact, nothing was simulated. labels_only_...: the same before people answer any
    draw; None where labels are complete.
    """

    procedure: str
    world: str
    sets: int
    looks: int
    draws: int
    false_pass: float
    false_pass_se: float
    power: float
    power_se: float
    lots: int
    labels_only_false_pass: float | None = None
    labels_only_power: float | None = None
