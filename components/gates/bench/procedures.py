"""When a procedure passes: the gate's own rule, and Clopper-Pearson's bound, which it used before.

Both look at a number of draws and how many of them are right. So each rule is a table of the fewest right draws that
pass, made once.
"""

import numpy as np

from components.common.acceptance import fewest_right, shows_more
from components.common.statistics import share_lower_bound
from components.gates.bench.rows import OURS, PEER
from components.gates.known import RIGHT, UNKNOWN


def boundaries(limit: float, confidence: float, most: int) -> dict[str, np.ndarray]:
    """By procedure, the fewest right of n draws that pass, int [most + 1]; n + 1 where even n do not."""
    return {
        OURS: fewest_right(lambda draws, right: shows_more(draws, right, limit, confidence), most),
        PEER: fewest_right(lambda draws, right: share_lower_bound(right, draws, confidence) >= limit, most),
    }


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
