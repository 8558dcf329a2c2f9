"""The decision about a lot of sets: pass, fail or undecided, and the sentence that says why.

The question is which share of the references is right, each set counting once. Draws decide by bets that hold however
often one looks (`common.acceptance`); what is certain needs no bet.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from components.common.acceptance import draws_needed, lower_limit, shows_less, shows_more, upper_limit
from components.common.counts import counted
from components.gates.draws import Lot
from components.gates.known import RIGHT, UNKNOWN, WRONG
from components.gates.params import Recurrence

ROUNDING = 1e-9
Word = Literal["pass", "fail", "undecided"]


@dataclass(frozen=True)
class Evidence:
    """What is known about a lot.

    sets: how many it has. drawn: references in the order of the draws, as far as they are planned. pairs: the objects
    of each draw in ascending order. scores: RIGHT, WRONG or UNKNOWN for each draw. least, most: share of right
    references if all unknown ones were wrong, or right.
    """

    sets: int
    drawn: list[int]
    pairs: list[tuple[int, int]]
    scores: np.ndarray
    least: float
    most: float

    @property
    def draws(self) -> int:
        """How many draws count: those before the first without a verdict."""
        unknown = np.flatnonzero(self.scores == UNKNOWN)
        return int(unknown[0]) if len(unknown) else len(self.scores)

    @property
    def right(self) -> int:
        """How many of the counting draws are right."""
        return int((self.scores[: self.draws] == RIGHT).sum())

    @property
    def missing(self) -> int:
        """How many answers give every draw a verdict."""
        return len({self.pairs[place] for place in np.flatnonzero(self.scores == UNKNOWN)})

    @property
    def waiting(self) -> int:
        """Draws with a verdict that wait for an earlier one to get its own."""
        return int((self.scores[self.draws :] != UNKNOWN).sum())


@dataclass(frozen=True)
class Decision:
    """lower, upper: of the share of right references. missing: answers to all planned draws, which decide unless the
    lot is smaller than the plan. to_go: answers that decide if the same share as so far is right, None if they would
    not; before the first answer: if all are right. forecast: the same in words.
    """

    word: Word
    sentence: str
    lower: float
    upper: float
    missing: int = 0
    to_go: int | None = None
    forecast: str = ""


def planned_draws(params: Recurrence) -> int:
    """Draws by which a lot that should pass has passed with probability `power`; at most `max_sample`."""
    limit, expected = params.min_precision, params.expected_precision
    return draws_needed(limit, expected, params.power, params.max_sample, params.confidence)


def gather(lot: Lot, scores: np.ndarray, params: Recurrence) -> Evidence:
    """What is known about the planned draws and the whole lot. scores: RIGHT, WRONG or UNKNOWN per reference, [R]."""
    drawn = lot.draws(planned_draws(params))
    pairs = [lot.pair(reference).key for reference in drawn]
    return Evidence(len(lot), drawn, pairs, scores[drawn], _share(lot, scores == RIGHT), _share(lot, scores != WRONG))


def _share(lot: Lot, chosen: np.ndarray) -> float:
    """Mean over sets of the share of their references that are chosen; 0 without sets."""
    sizes = np.diff(lot.starts)
    return float((np.bincount(lot.set_of, chosen, len(lot)) / np.maximum(sizes, 1)).mean()) if len(lot) else 0.0


def decide(evidence: Evidence, params: Recurrence) -> Decision:
    """Pass, fail or undecided, by what is certain first and by the draws otherwise."""
    if not evidence.sets:
        return Decision("fail", "there are no sets, so there is nothing to train on", 0.0, 0.0)
    if certain := _certain(evidence, params):
        return certain
    limit, confidence, planned = params.min_precision, params.confidence, planned_draws(params)
    draws, right = evidence.draws, evidence.right
    lower = max(lower_limit(draws, right, confidence), evidence.least)
    upper = min(upper_limit(draws, right, confidence), evidence.most)
    seen = f"{right} of {draws} drawn pairs are right"
    looks = f"({confidence:.0%}, at every look); at least {limit:g} must be shown"
    if shows_more(draws, right, limit, confidence):
        return Decision(
            "pass",
            f"{seen}: at least {lower:.3f} of the references in this run's {counted(evidence.sets, 'set')} are {looks}",
            lower,
            upper,
        )
    if shows_less(draws, right, limit, confidence):
        return Decision("fail", f"{seen}: at most {upper:.3f} of the references are right {looks}", lower, upper)
    if draws >= planned:
        return Decision(
            "fail",
            f"{seen}: this does not show that {limit:g} of the references are, and no more than the planned {planned} "
            "are drawn",
            lower,
            upper,
        )
    return _undecided(evidence, params, lower, upper)


def _certain(evidence: Evidence, params: Recurrence) -> Decision | None:
    """What no further verdict could change."""
    limit, sets = params.min_precision, counted(evidence.sets, "set")
    passed = evidence.least >= limit - ROUNDING
    if evidence.most - evidence.least < ROUNDING:
        sentence = f"with all references of {sets} judged, {evidence.least:.3f} are right; at least {limit:g} must be"
    elif passed:
        sentence = (
            f"by known verdicts alone, {evidence.least:.3f} of the references of {sets} are right; at least {limit:g} "
            "must be"
        )
    elif evidence.most < limit - ROUNDING:
        sentence = (
            f"even if every reference without a verdict were right, only {evidence.most:.3f} of the references of "
            f"{sets} would be; at least {limit:g} must be"
        )
    else:
        return None
    return Decision("pass" if passed else "fail", sentence, evidence.least, evidence.most)


def _undecided(evidence: Evidence, params: Recurrence, lower: float, upper: float) -> Decision:
    draws, right, limit, missing = evidence.draws, evidence.right, params.min_precision, evidence.missing
    words = [_so_far(evidence, lower, upper), f"to pass, answers must show that more than {limit:g} are right"]
    forecast = _forecast(evidence, right / draws if draws else 1.0, params)
    to_go, in_words = None, ""
    if forecast:
        to_go, passes = forecast
        in_words = _in_words(to_go, passes, first=not draws)
        words.append(in_words)
    if not missing:
        words.append("every set was drawn once, so their other references come next")
    elif len(evidence.drawn) == planned_draws(params):
        words.append(f"at most {missing} more {'is' if missing == 1 else 'are'} needed")
    else:
        words.append(f"{missing} pairs are left; if they do not decide, the sets' other references come next")
    return Decision("undecided", "; ".join(words), lower, upper, missing, to_go, in_words)


def _forecast(evidence: Evidence, share: float, params: Recurrence) -> tuple[int, bool] | None:
    """How many answers decide if `share` of them is right, and whether they pass it; None if the draws do not.

    After each answer count all draws up to the next one that is open.
    """
    at, right, answered = evidence.draws, float(evidence.right), set()
    while at < len(evidence.drawn):
        answered.add(evidence.pairs[at])
        while at < len(evidence.drawn) and (evidence.scores[at] != UNKNOWN or evidence.pairs[at] in answered):
            right += share if evidence.scores[at] == UNKNOWN else evidence.scores[at]
            at += 1
        if shows_more(at, right, params.min_precision, params.confidence):
            return len(answered), True
        if shows_less(at, right, params.min_precision, params.confidence):
            return len(answered), False
    return None


def _so_far(evidence: Evidence, lower: float, upper: float) -> str:
    draws, waiting = evidence.draws, evidence.waiting
    if draws:
        seen = f"{evidence.right} of {draws} pairs are right, so {lower:.3f} to {upper:.3f} of the references are"
        return f"{seen}; draw {draws + 1} has no answer, and {waiting} later ones wait for it" if waiting else seen
    return f"{waiting} later draws have an answer, and the first has none" if waiting else "nobody has answered yet"


def _in_words(answers: int, passes: bool, first: bool) -> str:
    """The forecast. first: there is no answer yet, so that all are taken to be right."""
    if answers == 1:
        outcome = "one more passes it" if passes else "one more fails it"
    else:
        outcome = f"{answers} more {'pass' if passes else 'fail'} it"
    return f"if all are right, {outcome}" if first else f"if answers go on like this, about {outcome}"
