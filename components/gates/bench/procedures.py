"""When a procedure passes: the gate's own rule, and Clopper-Pearson's bound, which it used before.

Both look at a number of draws and how many of them are right. So each rule is a table of the fewest right draws that
pass, made once.
"""

from collections.abc import Callable

import numpy as np

from components.common.acceptance import shows_more
from components.common.statistics import share_lower_bound
from components.gates.bench.rows import OURS, PEER
from components.gates.known import RIGHT, UNKNOWN


def boundaries(limit: float, confidence: float, most: int) -> dict[str, np.ndarray]:
    """By procedure, the fewest right of n draws that pass, int [most + 1]; n + 1 where even n do not."""
    return {
        OURS: _fewest(lambda draws, right: shows_more(draws, right, limit, confidence), most),
        PEER: _fewest(lambda draws, right: share_lower_bound(right, draws, confidence) >= limit, most),
    }


def _fewest(passes: Callable[[int, int], bool], most: int) -> np.ndarray:
    """The table of a rule that one more wrong draw never helps."""
    fewest, right = [], 0
    for draws in range(most + 1):
        while right <= draws and not passes(draws, right):
            right += 1
        fewest.append(right)
    return np.array(fewest)


def looks_at(looks: int, planned: int) -> np.ndarray:
    """Numbers of draws at which the verdict is read, int [looks].

    Up to the planned draws, evenly; more looks than these read it after every draw, and so go on beyond the plan.
    """
    if looks > planned:
        return np.arange(1, looks + 1)
    return np.round(np.arange(1, looks + 1) * planned / looks).astype(int)


def passed_by(scores: np.ndarray, looks: np.ndarray, fewest: np.ndarray) -> np.ndarray:
    """Whether each run has passed at a look or before it, bool [L, looks].

    scores: int8 [L, draws]. Only those before the first UNKNOWN count. A failure does not end the labelling: whoever
    goes on may still see a pass, which is the strict way to count false ones.
    """
    unknown = scores == UNKNOWN
    answered = np.where(unknown.any(axis=1), unknown.argmax(axis=1), scores.shape[1])
    counting = np.minimum(looks, answered[:, None])
    right = np.pad(np.cumsum(scores == RIGHT, axis=1), ((0, 0), (1, 0)))
    return np.logical_or.accumulate(np.take_along_axis(right, counting, axis=1) >= fewest[counting], axis=1)


def exactly_passed_by(truth: float, looks: np.ndarray, fewest: np.ndarray) -> np.ndarray:
    """Probability that an endless run, of which `truth` is right, has passed at a look or before it, float [looks]."""
    alive, passed, by_look = np.ones(1), 0.0, []  # alive [n + 1]: probability of k right among n draws without a pass
    for draws in range(1, int(looks[-1]) + 1):
        alive = np.append(alive * (1 - truth), 0.0) + np.append(0.0, alive * truth)
        if draws in looks:
            passed += float(alive[fewest[draws] :].sum())
            alive[fewest[draws] :] = 0.0
            by_look.append(passed)
    return np.array(by_look)
