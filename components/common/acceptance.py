"""Accepts or refuses a lot by draws from it, with an error probability that holds however often one looks.

A gambler bets at fair odds that more than the share m of the lot is right. If the truth is m or less, his stake is a
supermartingale, so its chance of ever growing twentyfold is at most one in twenty (Ville's inequality). His
bets are averaged over all shares above m: Robbins' mixture, the limit of Waudby-Smith and Ramdas (arXiv 2010.09686).
The stake depends only on how many were drawn and how many of them were right. Draws without replacement from a small
lot make it shrink faster still, which is the safe side (arXiv 2006.04347).
"""

from collections.abc import Callable, Collection
from functools import cache

import numpy as np
from scipy import optimize, special, stats

LEAST, MOST = 1e-300, 1 - 1e-9  # shares nearer to 0 or 1 count as 0 or 1


def log_evidence(draws: int, right: float, limit: float) -> float:
    """Logarithm of the stake against "at most `limit` of the lot is right", after `right` of `draws`.

    evidence = 1/(1-m) integral_m^1 (p/m)^k ((1-p)/(1-m))^(n-k) dp, with n draws, k right and the limit m. A fraction
    of a draw, as in forecasts, is allowed.
    """
    wrong = draws - right
    tail = stats.beta.logsf(limit, right + 1, wrong + 1)
    return float(special.betaln(right + 1, wrong + 1) + tail - right * np.log(limit) - (wrong + 1) * np.log1p(-limit))


def shows_more(draws: int, right: float, limit: float, confidence: float = 0.95) -> bool:
    """Whether the draws show that more than `limit` of the lot is right."""
    return bool(log_evidence(draws, right, limit) >= -np.log1p(-confidence))


def shows_less(draws: int, right: float, limit: float, confidence: float = 0.95) -> bool:
    """Whether the draws show that less than `limit` of the lot is right."""
    return shows_more(draws, draws - right, 1 - limit, confidence)


def lower_limit(draws: int, right: int, confidence: float = 0.95) -> float:
    """The share that the draws show the lot to exceed, 0..1; 0 if none was right."""
    if not right:
        return 0.0
    wanted = -np.log1p(-confidence)
    return float(optimize.brentq(lambda limit: log_evidence(draws, right, limit) - wanted, LEAST, MOST, xtol=1e-12))


def upper_limit(draws: int, right: int, confidence: float = 0.95) -> float:
    """The share that the draws show the lot to be below, 0..1; 1 if all were right."""
    return 1 - lower_limit(draws, draws - right, confidence)


def fewest_right(passes: Callable[[int, int], bool], most: int) -> np.ndarray:
    """The smallest number of right draws that passes, for n = 0..most draws, int [most + 1]; n + 1 if even n do not.

    passes: the rule, from draws and right draws; one more wrong draw must never help.
    """
    fewest, right = [], 0
    for draws in range(most + 1):
        while right <= draws and not passes(draws, right):
            right += 1
        fewest.append(right)
    return np.array(fewest)


def pass_probabilities(fewest: np.ndarray, truth: float, looks: Collection[int]) -> np.ndarray:
    """Probability that a lot of which `truth` is right has passed at a look or before it, float [looks].

    Exact for an endless lot. fewest: a rule's table, see `fewest_right`. looks: numbers of draws, ascending.
    """
    alive, passed, by_look = np.ones(1), 0.0, []  # alive [n + 1]: probability of k right among n draws without a pass
    for draws in range(1, max(looks, default=0) + 1):
        alive = np.append(alive * (1 - truth), 0.0) + np.append(0.0, alive * truth)
        if draws in looks:
            passed += float(alive[fewest[draws] :].sum())
            alive[fewest[draws] :] = 0.0
            by_look.append(passed)
    return np.array(by_look)


@cache
def draws_needed(limit: float, truth: float, power: float, most: int, confidence: float = 0.95) -> int:
    """Draws by which a lot of which `truth` is right has passed with probability `power`; `most` if more are needed."""
    fewest = fewest_right(lambda draws, right: shows_more(draws, right, limit, confidence), most)
    passed = pass_probabilities(fewest, truth, range(1, most + 1))
    return int(np.argmax(passed >= power)) + 1 if (passed >= power).any() else most
