"""How reliable the raters' answers are: repeats, sentinels, agreement, and disputed or flagged pairs."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from components.common.verdicts import SAME
from components.judgement.agreement import Agreement, agreements
from pipelines.labelling.queue import Pair
from pipelines.labelling.session import Session
from pipelines.review.deck import QUEUE, REPEAT, RIGHT, SENTINEL, Turn
from pipelines.review.label_room import LabelRoom

LABELLED = ("rater", "pair", "kind", "left_object", "right_object", "answer", "expected", "flagged")


class RaterReport(NamedTuple):
    """repeated: pairs asked twice; same_again: those answered the same way. known, as_known: likewise for sentinels."""

    rater: str
    answered: int
    same_again: int
    repeated: int
    as_known: int
    known: int


class Dispute(NamedTuple):
    """A pair on which raters disagree. said: rater -> verdict; empty until the reader has answered it."""

    pair: Pair
    said: dict[str, str]


class LabelReport(NamedTuple):
    """flagged: number of a pair in the queue -> the raters who flagged it."""

    raters: list[RaterReport]
    agreements: list[Agreement]
    disputes: list[Dispute]
    flagged: dict[int, list[str]]


def report(room: LabelRoom, session: Session) -> LabelReport:
    """The report for one rater, without others' answers to pairs that this rater has not answered."""
    of_app = room.all_turns()
    everybody = {rater for pair in session.queue for rater in session.given(pair)} | of_app.keys()
    words = {
        pair.key: {rater: verdict.verdict for rater, verdict in sorted(session.given(pair).items())}
        for pair in session.queue
        if session.given(pair)
    }
    disputes = [Dispute(pair, words[pair.key] if session.has_answered(pair) else {}) for pair in room.disputed(session)]
    return LabelReport(
        [_of_one(rater, of_app.get(rater, []), words) for rater in sorted(everybody)],
        agreements(words),
        disputes,
        _flagged(session, of_app),
    )


def answers_table(room: LabelRoom) -> Iterator[Sequence[Any]]:
    """Rows of `LABELLED`: every answered or flagged turn, in the order in which it was shown."""
    for rater, turns in room.all_turns().items():
        for turn in turns:
            if turn.answer or turn.flagged:
                shown = (turn.left, turn.right, turn.answer, turn.expected, turn.flagged)
                yield (rater, turn.position, turn.kind, *shown)


def _of_one(rater: str, turns: Sequence[Turn], words: dict[tuple[int, int], dict[str, str]]) -> RaterReport:
    answered = [turn for turn in turns if turn.answer]
    first = {turn.key: turn.answer for turn in answered if turn.kind == QUEUE}
    again = [turn for turn in answered if turn.kind == REPEAT and turn.key in first]
    known = [turn for turn in answered if turn.kind == SENTINEL]
    return RaterReport(
        rater,
        sum(rater in said for said in words.values()),
        sum(turn.answer == first[turn.key] for turn in again),
        len(again),
        sum((turn.answer == SAME) == (turn.expected == RIGHT) for turn in known),
        len(known),
    )


def _flagged(session: Session, of_app: dict[str, list[Turn]]) -> dict[int, list[str]]:
    numbers = {pair.key: pair.number for pair in session.queue}
    flagged: dict[int, list[str]] = {}
    for rater, turns in of_app.items():
        for key in dict.fromkeys(turn.key for turn in turns if turn.flagged and turn.key in numbers):
            flagged.setdefault(numbers[key], []).append(rater)
    return dict(sorted(flagged.items()))
