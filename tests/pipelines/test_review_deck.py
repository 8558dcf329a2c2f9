"""Which pair a rater of the app sees when: nothing twice by chance, sides in balance, checks among the others."""

from dataclasses import replace
from itertools import pairwise

from components.common.verdicts import Place
from components.common.vision.geometry import Box
from pipelines.labelling.queue import Pair
from pipelines.review.deck import QUEUE, REPEAT, RIGHT, SENTINEL, WRONG, Turn, plan

PLACE = Place("", Box(0, 0, 1, 1))
PAIRS = [Pair(number, 0.9, "mug", PLACE, PLACE, (number, number + 1000)) for number in range(1, 81)]
KNOWN = {(number, number + 1000): number % 2 == 0 for number in range(500, 520)}


def planned(count: int, rater: str = "ada", known: dict[tuple[int, int], bool] | None = KNOWN) -> list[Turn]:
    values = plan([], PAIRS, known, rater, count)
    return [Turn(f"turn-{each['position']}", **each, answer=None, flagged=False) for each in values]


def test_pairs_come_in_the_queues_order_and_half_of_them_turned_round() -> None:
    asked = [turn for turn in planned(80) if turn.kind == QUEUE]
    assert [turn.key for turn in asked] == [pair.key for pair in PAIRS[: len(asked)]]
    turned = [turn.left > turn.right for turn in asked]
    assert [sum(two) for two in zip(turned[::2], turned[1::2], strict=False)] == [1] * (len(asked) // 2)
    assert len({tuple(turned[:2]), *map(tuple, pairwise(turned))}) > 2  # not simply every other one
    assert turned != [turn.left > turn.right for turn in planned(80, "ben") if turn.kind == QUEUE]


def test_checks_stand_among_the_pairs() -> None:
    turns = planned(60)
    kinds = {turn.position: turn.kind for turn in turns if turn.kind != QUEUE}
    assert kinds == {n: SENTINEL if n % 10 else REPEAT for n in range(5, len(turns) + 1, 5)}
    sentinels = [turn for turn in turns if turn.kind == SENTINEL]
    assert all((turn.expected == RIGHT) == KNOWN[turn.key] for turn in sentinels)
    assert [turn.expected for turn in sentinels[:2]] in ([RIGHT, WRONG], [WRONG, RIGHT])
    assert len({turn.key for turn in sentinels}) == len(sentinels)
    for turn in turns:
        if turn.kind == REPEAT:
            [first] = [each for each in turns if each.kind == QUEUE and each.key == turn.key]
            assert (turn.left, turn.right) == (first.right, first.left)
            assert turn.position - first.position >= 6


def test_without_labels_only_repeats_check_and_without_checks_nothing_does() -> None:
    assert {turn.kind for turn in planned(40, known={})} == {QUEUE, REPEAT}
    assert {turn.kind for turn in planned(40, known=None)} == {QUEUE}


def test_a_pair_that_waits_for_its_answer_is_not_planned_again() -> None:
    turns = planned(8)
    answered = [replace(turn, answer="same") if turn.position < 4 else turn for turn in turns]
    later = plan(answered, PAIRS[3:], KNOWN, "ada", 4)
    assert [values["position"] for values in later] == [9, 10, 11, 12]
    assert not {values["left"] for values in later if values["kind"] == QUEUE} & {
        row for turn in turns for row in (turn.left, turn.right)
    }
