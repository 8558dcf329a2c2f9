"""The order in which a rater sees pairs: the queue's pairs in its order, and now and then a check of the rater.

A check is a pair whose answer labels know (a sentinel), or one that the rater has judged before (a repeat, with its
sides swapped). Checks look like any other pair and never reach the file of verdicts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.common.data.seeds import derive
from pipelines.labelling.queue import Pair

QUEUE, REPEAT, SENTINEL = "queue", "repeat", "sentinel"
RIGHT, WRONG = "right", "wrong"
EVERY, SENTINEL_AT, REPEAT_AT = 10, 5, 0
"""Of every ten turns the fifth is a sentinel and the tenth a repeat, where there is one to show."""
APART = 6
"""Least number of turns from a pair to its repeat: any nearer, it would be answered from memory."""

Key = tuple[int, int]


@dataclass(frozen=True)
class Turn:
    """A pair for a rater, as in `database.TURNS`.

    position: from 1. kind: QUEUE, REPEAT or SENTINEL. left, right: object rows. expected: RIGHT or WRONG, of a
    sentinel. answer: None until there is one. flagged: by the rater.
    """

    id: str
    position: int
    kind: str
    left: int
    right: int
    expected: str | None
    answer: str | None
    flagged: bool

    @property
    def key(self) -> Key:
        """The objects in ascending order."""
        return min(self.left, self.right), max(self.left, self.right)


def plan(
    turns: Sequence[Turn], pairs: Iterable[Pair], known: Mapping[Key, bool] | None, rater: str, count: int
) -> list[dict[str, Any]]:
    """The next `count` turns after `turns`, or fewer, as values of `Turn` without an id.

    turns: all of this rater's so far. pairs: the rest of the queue. known: pair that labels answer -> whether the
    answer is "same"; None where no checks are wanted.
    """
    planned = [*turns]
    waiting = {turn.key for turn in turns if turn.kind == QUEUE and turn.answer is None}
    for pair in pairs:
        if len(planned) - len(turns) >= count:
            break
        if pair.key not in waiting:
            planned += [] if known is None else _check(planned, known, rater)
            planned.append(_ask(planned, pair, rater))
    return [_values(turn) for turn in planned[len(turns) :]]


def _ask(turns: Sequence[Turn], pair: Pair, rater: str) -> Turn:
    """The next turn of the queue. One of every two pairs, chosen at random, has its sides swapped."""
    asked = sum(turn.kind == QUEUE for turn in turns)
    swapped = (derive(0, "side", rater, asked // 2) + asked) % 2
    left, right = pair.rows[::-1] if swapped else pair.rows
    return _unseen(len(turns) + 1, QUEUE, left, right)


def _check(turns: Sequence[Turn], known: Mapping[Key, bool], rater: str) -> list[Turn]:
    """The check that is due at the next position, if any, and if there is a pair for it."""
    position = len(turns) + 1
    if position % EVERY == SENTINEL_AT:
        return _sentinel(turns, known, rater, position)
    return _repeat(turns, rater, position) if position % EVERY == REPEAT_AT else []


def _sentinel(turns: Sequence[Turn], known: Mapping[Key, bool], rater: str, position: int) -> list[Turn]:
    """A known pair that the rater has not seen; right and wrong ones alternate while there are both."""
    seen = {turn.key for turn in turns}
    want = derive(0, "sentinel", rater) % 2 == position // EVERY % 2
    unseen = sorted((known[key] != want, derive(0, "sentinel", rater, *key), key) for key in known if key not in seen)
    if not unseen:
        return []
    _, chance, (first, second) = unseen[0]
    left, right = (second, first) if chance % 2 else (first, second)
    return [_unseen(position, SENTINEL, left, right, RIGHT if known[first, second] else WRONG)]


def _repeat(turns: Sequence[Turn], rater: str, position: int) -> list[Turn]:
    repeated = {turn.key for turn in turns if turn.kind == REPEAT}
    far = [turn for turn in turns if turn.kind == QUEUE and turn.position <= position - APART]
    candidates = [turn for turn in far if turn.key not in repeated]
    if not candidates:
        return []
    chosen = candidates[derive(0, "repeat", rater, position) % len(candidates)]
    return [_unseen(position, REPEAT, chosen.right, chosen.left)]


def _unseen(position: int, kind: str, left: int, right: int, expected: str | None = None) -> Turn:
    return Turn("", position, kind, left, right, expected, answer=None, flagged=False)


def _values(turn: Turn) -> dict[str, Any]:
    return {name: getattr(turn, name) for name in ("position", "kind", "left", "right", "expected")}
