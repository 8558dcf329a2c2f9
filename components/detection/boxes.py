"""Which proposed boxes become objects, and why the others do not."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from components.common.vision.geometry import Box, iou
from components.detection.params import Params

UNCERTAIN = 0.0
"""The score of a whole photograph's box where nothing stands out (source salient)."""


PRODUCT = "product"
"""The category of a box that no one has named."""


class Candidate(NamedTuple):
    """A proposed box in px of the upright photograph. flaw: why its source rules it out, a key of
    `rejections.BOXES`, or empty."""

    box: Box
    category: str
    score: float
    flaw: str = ""


class Choice(NamedTuple):
    """What became of a photograph's candidates. kept: boxes in whole px, most certain first. rejected: the others, each
    with its reason."""

    kept: list[Candidate]
    rejected: list[tuple[Candidate, str]]


def whole(width: int, height: int, inset: float) -> Box:
    """The box of a whole photograph, without `inset` of the side at each edge; px."""
    share = 1 - 2 * inset
    return Box(width * inset, height * inset, width * share, height * share)


def choose(candidates: Sequence[Candidate], width: int, height: int, params: Params) -> Choice:
    """Applies the rules of `params`, in the order of `BOXES`, to the candidates of a width x height photograph."""
    rejected: list[tuple[Candidate, str]] = []
    fit = []
    for candidate in candidates:
        placed = _placed(candidate, width, height)
        reason = placed.flaw or _wrong_category(placed.category, params)
        if reason := reason or _wrong_size(placed.box, width * height, params):
            rejected.append((placed, reason))
        else:
            fit.append(placed)
    kept: list[Candidate] = []
    for candidate in sorted(fit, key=lambda c: (-c.score, c.box, c.category)):
        if any(iou(candidate.box, other.box) > params.max_iou for other in kept):
            rejected.append((candidate, "overlap"))
        else:
            kept.append(candidate)
    rejected += [(candidate, "surplus") for candidate in kept[params.max_objects :]]
    return Choice(kept[: params.max_objects], rejected)


def _wrong_category(category: str, params: Params) -> str:
    name = category.lower()
    allowed = not params.allow or name in (word.lower() for word in params.allow)
    return "" if allowed and name not in (word.lower() for word in params.deny) else "category"


def _placed(candidate: Candidate, width: int, height: int) -> Candidate:
    """The box cut to the photograph, edges rounded to whole px: boxes that differ by less are the same object."""
    if not all(map(math.isfinite, (*candidate.box, candidate.score))):
        return candidate._replace(flaw=candidate.flaw or "broken")
    x, y, w, h = candidate.box
    left, right = (min(max(round(edge), 0), width) for edge in (x, x + w))
    top, bottom = (min(max(round(edge), 0), height) for edge in (y, y + h))
    return candidate._replace(box=Box(left, top, max(right - left, 0), max(bottom - top, 0)))


def _wrong_size(box: Box, pixels: int, params: Params) -> str:
    if min(box.w, box.h) < params.min_side:
        return "small"
    if box.area < params.min_share * pixels:
        return "low_share"
    return "high_share" if box.area > params.max_share * pixels else ""
