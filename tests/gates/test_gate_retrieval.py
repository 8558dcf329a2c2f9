"""Retrieval precision: which pairs are drawn, what decides, what is printed, and what is asked next."""

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from gate_data import Make
from lot_data import AT_070, FACTS, HIGHER, Lot, named

from components.common.data.reading import Dataset
from components.gates.checks import RUN
from components.gates.draws import lot_of
from components.gates.known import UNKNOWN, WRONG
from components.gates.params import Recurrence
from components.gates.queue import references_for_people
from components.gates.verdict import Decision, Evidence, decide, gather, planned_draws


@pytest.fixture
def lot(make: Make) -> Callable[..., Lot]:
    return lambda *values, **named: Lot(make, *values, **named)


def answers(pairs: Sequence[tuple[int, int]], right: int) -> list[tuple[int, int, str, str]]:
    return [(*pair, "same" if n < right else "different", "ann") for n, pair in enumerate(pairs)]


def test_without_verdicts_it_is_undecided_and_says_how_many_decide(lot: Callable[..., Lot]) -> None:
    gate, row = lot(500).judge()
    assert (row["verdict"], gate.shows.metrics["answers_missing"]) == ("undecided", 360)
    assert "nobody has answered yet" in row["reason"] and "at most 360 more are needed" in row["reason"]
    assert "if all are right, 13 more pass it" in row["reason"] and "more than 0.7 are right" in row["reason"]
    assert row["next_step"].count(f" {RUN}`") == 2 and "run again with --labels FILE" in row["next_step"]
    assert planned_draws(Recurrence()) == 229


def test_without_sets_it_fails(lot: Callable[..., Lot]) -> None:
    _, row = lot(0).judge()
    assert row["verdict"] == "fail" and "there are no sets" in row["reason"]
    assert row["next_step"].startswith("add photographs (yield grows faster than they do), or widen the window: --set")
    assert row["next_step"].endswith(
        "--set calibration.window=explicit --set calibration.high=0.99 --set calibration.low=..., below 0.9"
    )


@pytest.mark.parametrize(("wrong", "verdict"), [(9, "pass"), (10, "fail")])
def test_where_every_verdict_is_known_the_share_decides(lot: Callable[..., Lot], wrong: int, verdict: str) -> None:
    _, row = lot(10).know(named(10, wrong)).judge()
    assert row["verdict"] == verdict and row["observed"] == pytest.approx(1 - wrong / 30, abs=1e-5)
    assert f"with all references of 10 sets judged, {1 - wrong / 30:.3f} are right" in row["reason"]


def test_a_share_at_the_limit_passes_whatever_its_last_bit(lot: Callable[..., Lot]) -> None:
    """Shares 1, 2/3, 1, 2/3, 2/3 make 0.7999999999999999."""
    subjects = named(5, 0) | {row: f"other-{row}" for row in (5, 13, 17)}
    gate, row = lot(5).know(subjects).judge(Recurrence())
    assert row["verdict"] == "pass" and (gate.checks[0].excess <= 0).all()


def test_all_wrong_is_no_reason_to_widen_the_window(lot: Callable[..., Lot]) -> None:
    _, row = lot(10).know(named(10, 30)).judge()
    assert row["verdict"] == "fail" and HIGHER in row["next_step"]


def test_three_sets_say_little_about_other_products(lot: Callable[..., Lot]) -> None:
    gate, row = lot(3).know(named(3, 0)).judge()
    assert row["verdict"] == "pass" and gate.shows.metrics["other_products_at_least"] == pytest.approx(0.368, abs=5e-4)


@pytest.mark.parametrize(("known", "right", "verdict"), [(700, True, "pass"), (301, False, "fail")])
def test_what_is_certain_needs_no_more_verdicts(lot: Callable[..., Lot], known: int, right: bool, verdict: str) -> None:
    names = {row: f"s{row // 4 if right else row}" for row in range(4 * known)}
    _, row = lot(1000).know(names).judge()
    assert row["verdict"] == verdict


def test_no_draw_is_skipped(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    gate, row = world.know(judged=answers(world.drawn(51)[1:], 50)).judge()
    assert (row["verdict"], gate.shows.metrics["answered_draws"]) == ("undecided", 0)
    assert "50 later draws have an answer, and the first has none" in row["reason"]
    queue = list(csv.DictReader(io.StringIO(gate.shows.files["label_queue.csv"])))
    assert len(queue) == 360 and queue[0]["number"] == "1", "what is judged stays in it, for other raters"


def test_labels_of_few_products_do_not_decide(lot: Callable[..., Lot]) -> None:
    """A tenth of the products is labelled and right: a wrong pair would need two labelled products to be seen."""
    _, row = lot(500).know({row: f"s{row // 4}" for row in range(200)}).judge()
    assert row["verdict"] == "undecided"


@pytest.mark.parametrize(("right", "verdict"), [(13, "pass"), (12, "undecided")])
def test_draws_decide(lot: Callable[..., Lot], right: int, verdict: str) -> None:
    world = lot(500)
    gate, row = world.know(judged=answers(world.drawn(13), right)).judge()
    assert row["verdict"] == verdict
    assert (gate.shows.metrics["answered_draws"], gate.shows.metrics["right_draws"]) == (13, right)
    if verdict == "pass":
        sentence = "13 of 13 drawn pairs are right: at least 0.713 of the references in this run's 500 sets are"
        assert sentence in row["reason"] and "(95%, at every look)" in row["reason"]
    else:
        assert "if answers go on like this, about 13 more pass it" in row["reason"]


def test_draws_that_show_too_little_fail(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    _, row = world.know(judged=answers(world.drawn(4), 0)).judge()
    assert row["verdict"] == "fail" and "at most 0.648 of the references are right" in row["reason"]
    assert HIGHER in row["next_step"]
    _, row = world.know(judged=answers(world.drawn(360), 277)).judge()
    assert row["verdict"] == "fail" and "this does not show that 0.7" in row["reason"]
    _, row = world.know(judged=answers(world.drawn(360), 278)).judge()
    assert row["verdict"] == "pass"


def test_a_pair_that_two_sets_show_is_asked_for_once(lot: Callable[..., Lot], make: Make) -> None:
    world = lot(10)
    rows = Dataset(world.inputs["sets"]).rows()
    few = [row | {"views": [4 * i + 1], "similarities": [0.95]} for i, row in enumerate(rows)]
    turned = [row | {"anchor": row["views"][0], "views": [row["anchor"]]} for row in few]
    world.inputs["sets"] = make("both", "sets", [*few, *turned], FACTS)
    gate, _ = world.judge()
    assert len(world.drawn(20)) == 20 and gate.shows.metrics["answers_missing"] == 10
    assert len(list(csv.DictReader(io.StringIO(gate.shows.files["label_queue.csv"])))) == 10


def test_other_verdicts_change_nothing(lot: Callable[..., Lot]) -> None:
    """Pairs that are not drawn, raters who agree, another order of the rows."""
    world = lot(500)
    said = answers(world.drawn(30), 27)
    before = world.know(judged=said).judge()[1]
    drawn = set(world.drawn(360))
    undrawn = [(4 * i, 4 * i + j) for i in range(500) for j in (1, 2, 3) if (4 * i, 4 * i + j) not in drawn]
    more = [*answers(undrawn[:60], 0), *((a, b, word, "bob") for a, b, word, _ in said), *said[::-1]]
    after = world.know(judged=more).judge()[1]
    assert (after["verdict"], after["observed"]) == (before["verdict"], before["observed"])
    assert all("27 of 30 pairs are right" in row["reason"] for row in (before, after))


def test_ties_unsure_and_duplicate_are_wrong(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    pairs = world.drawn(5)
    said = [(*pairs[0], "same", "ann"), (*pairs[0], "different", "bob"), (*pairs[1], "unsure", "ann")]
    said += [(*pairs[2], "duplicate", "ann"), (*pairs[3], "same", "ann")]
    said += [(*pairs[4], word, rater) for rater, word in (("ann", "same"), ("bob", "same"), ("cy", "different"))]
    gate, _ = world.know(judged=said).judge()
    assert (gate.shows.metrics["answered_draws"], gate.shows.metrics["right_draws"]) == (5, 2)


def test_labels_answer_before_people(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    anchor, view = world.drawn(1)[0]
    said = [(anchor, view, "different", "ann")]
    assert world.know({anchor: "mug", view: "mug"}, said).judge()[0].shows.metrics["right_draws"] == 1
    assert world.know({anchor: "mug"}, said).judge()[0].shows.metrics["right_draws"] == 0


def test_a_person_whom_labels_contradict_is_counted(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    (first, second, third) = world.drawn(3)
    said = [(*first, "different", "ann"), (*second, "same", "ann"), (*third, "same", "ann")]
    gate, _ = world.know({row: "mug" for pair in (first, second) for row in pair}, said).judge()
    assert gate.shows.metrics["verdicts_overruled"] == 1
    assert any("Labels contradict people on 1 of 3 judged pairs" in note for note in gate.shows.notes)


def test_the_forecast_counts_answers_and_not_draws_that_labels_answer(lot: Callable[..., Lot]) -> None:
    """11 draws are right, the 12th is open, and labels answer the 13th and 14th: one answer passes the gate."""
    world = lot(500)
    pairs = world.drawn(14)
    labels = {row: f"s{n}" for n, pair in enumerate(pairs[12:]) for row in pair}
    _, row = world.know(labels, answers(pairs[:11], 11)).judge()
    assert "11 of 11 pairs are right" in row["reason"] and "about one more passes it" in row["reason"]


def judged_draws(scores: Sequence[int], limit: float) -> Decision:
    """The decision about draws of different pairs with these scores, -1 where they are open."""
    pairs = [(n, n + 1) for n in range(len(scores))]
    params = Recurrence(min_precision=limit, expected_precision=limit + 0.1)
    return decide(Evidence(10_000, list(range(len(scores))), pairs, np.array(scores), 0.0, 1.0), params)


def test_the_forecast_goes_on_as_before() -> None:
    to_come = [-1] * 260
    assert "3 more pass it" in judged_draws([1] * 27 + [0] * 3 + to_come, 0.7).forecast
    assert "11 more pass it" in judged_draws([1] * 82 + [0] * 18 + to_come, 0.7).forecast
    assert "about one more fails it" in judged_draws([0] * 3 + to_come, 0.7).forecast
    assert judged_draws([1] * 70 + [0] * 30 + to_come, 0.7).to_go is None
    assert judged_draws([1] * 27 + [0] * 3 + [-1, -1], 0.7).to_go is None


def test_the_forecast_counts_draws_that_wait_when_their_turn_comes() -> None:
    """Ten right answers pass; whoever gives twelve lets three wrong draws count that waited behind them."""
    undecided = judged_draws([1] * 10 + [-1] * 12 + [0] * 3 + [-1] * 200, 0.8)
    assert undecided.to_go == 10 and judged_draws([1] * 20 + [-1] * 2 + [0] * 3 + [-1] * 200, 0.8).word == "pass"
    later = judged_draws([1] * 10 + [-1] * 8 + [0] * 3 + [-1] * 200, 0.8)
    assert later.to_go is not None and later.to_go > 8
    for answers, word in ((later.to_go - 1, "undecided"), (later.to_go, "pass")):
        answered = [1] * 18 + [0] * 3 + [1] * (answers - 8)
        assert judged_draws(answered + [-1] * (225 - len(answered)), 0.8).word == word


def test_what_stands_beside_the_decision_is_said(lot: Callable[..., Lot]) -> None:
    gate, _ = lot(10).know(named(10, 6)).judge()
    notes = " ".join(gate.shows.notes)
    assert "30 of 30 references have a verdict" in notes
    assert "Of the 30 pairs in the window, 30 have a verdict and 0.800 of these are right" in notes
    assert "Of other products like the labelled ones, at least 0." in notes


def test_unsure_and_ties_do_not_contradict_labels(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    first, second = world.drawn(2)
    said = [(*first, "unsure", "ann"), (*second, "same", "ann"), (*second, "different", "bob")]
    gate, _ = world.know({row: "mug" for pair in (first, second) for row in pair}, said).judge()
    assert gate.shows.metrics["verdicts_overruled"] == 0


def test_the_queue_goes_on_after_its_longest(lot: Callable[..., Lot], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.gates.queue.LONGEST", 8)
    world = lot(10)
    sets = lot_of(Dataset(world.inputs["sets"]), Dataset(world.inputs["objects"]))
    by_labels = np.full(30, UNKNOWN)
    scores, rounds = by_labels.copy(), 0
    while (scores == UNKNOWN).any():
        asked = references_for_people(sets, by_labels, scores, gather(sets, scores, AT_070))
        assert (scores[asked] == UNKNOWN).any(), "there is something left to ask"
        scores[asked] = WRONG
        rounds += 1
    assert rounds == 5, "8 of the 10 draws, the other 2, then 20 other references in three rounds"


def test_repeats_by_label_are_wrong(lot: Callable[..., Lot]) -> None:
    world = lot(500)
    anchor, view = world.drawn(1)[0]
    rows = [{"row": row, "subject": "mug", "photograph": 7} for row in sorted((anchor, view))]
    world.inputs["identities"] = world.make("repeats", "identities", rows)
    gate, _ = world.judge()
    assert (gate.shows.metrics["answered_draws"], gate.shows.metrics["right_draws"]) == (1, 0)


def test_other_sets_deal_anew_and_more_labels_do_not(lot: Callable[..., Lot], make: Make) -> None:
    first = lot(500)
    drawn = first.drawn(100)
    assert first.know(named(500, 3)).drawn(100) == drawn
    assert first.drawn(200)[:100] == drawn
    sets = Dataset(first.inputs["sets"]).rows()
    first.inputs["sets"] = make("nudged", "sets", sets, {**FACTS, "low": 0.900001})
    assert first.drawn(100) == drawn, "a window that changes no set deals the same"
    fewer = [sets[0] | {"views": sets[0]["views"][:2], "similarities": [0.95] * 2}, *sets[1:]]
    first.inputs["sets"] = make("other", "sets", fewer, {**FACTS, "low": 0.91})
    assert len(set(first.drawn(100)) & set(drawn)) < 30  # by chance a fifteenth agrees
    first.inputs["sets"] = make("turned", "sets", sets[::-1], FACTS)
    assert first.drawn(100) == drawn


def test_when_all_sets_were_drawn_their_other_references_are_asked(lot: Callable[..., Lot]) -> None:
    world = lot(10)
    pairs = world.drawn(10)
    gate, row = world.know(judged=answers(pairs, 10)).judge()
    assert row["verdict"] == "undecided" and "every set was drawn once" in row["reason"]
    queue = list(csv.DictReader(io.StringIO(gate.shows.files["label_queue.csv"])))
    assert len(queue) == 10 + 20
    others = [(4 * i, 4 * i + j) for i in range(10) for j in (1, 2, 3) if (4 * i, 4 * i + j) not in pairs]
    _, row = world.know(judged=[*answers(pairs, 10), *answers(others, 12)]).judge()
    assert row["verdict"] == "pass"


@pytest.mark.parametrize(("similarity", "outside"), [(0.95, 0), (0.89, 60), (0.995, 60)])
def test_what_lies_outside_its_window_is_a_failure_of_its_own(
    lot: Callable[..., Lot], similarity: float, outside: int
) -> None:
    gate, row = lot(10, similarity=similarity).know(named(10, 0)).judge()
    assert gate.metrics["outside_the_window"] == outside
    assert row["verdict"] == ("fail" if outside else "pass")


def test_people_see_what_is_asked(lot: Callable[..., Lot]) -> None:
    gate, _ = lot(40).judge()
    assert gate.shows.figures["pairs_to_judge"].width > 96
    row = next(csv.DictReader(io.StringIO(gate.shows.files["label_queue.csv"])))
    assert set(row) == {"number", "similarity", "category"} | {
        f"{which}_{side}" for which in ("first", "second") for side in ("image", "x", "y", "w", "h")
    }
    assert len(row["first_image"]) == 64 and float(row["first_w"]) == 40
