"""Answering the queue of an undecided precision gate: what is asked next, what is decided, what is said."""

import re
from pathlib import Path

import pytest
from labelling_data import FAILS, FILE, PASSES, RUN, answer, draws, make_run

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.verdicts import QUESTION, parse
from components.gates.verdict import Decision
from pipelines.labelling.decision import forecast
from pipelines.labelling.dialogue import ask
from pipelines.labelling.opening import STEP, open_session, places, why_not
from pipelines.labelling.pictures import Pictures
from pipelines.labelling.terminal import Keys


def test_answers_follow_the_draws_and_nine_right_ones_decide(undecided: Path) -> None:
    session = open_session(RUN, "ada")
    assert (session.forecast, session.decided) == (
        "if all are right, 9 more pass it; 20 are left in the queue",
        False,
    )
    answer(session, "same")
    assert session.forecast == "if answers go on like this, about 8 more pass it; 19 are left in the queue"
    answer(session, *["same"] * 7)
    assert session.forecast == "if answers go on like this, about one more passes it; 12 are left in the queue"
    assert not session.decided
    answer(session, "same")
    assert (session.decision.word, session.following(), session.answered) == ("pass", None, PASSES)
    given = parse(FILE.read_bytes(), "")
    images = Dataset(RUN.dataset("images")).rows(["image_id"])
    asked = [tuple(images[row]["image_id"] for row in pair) for pair in draws(RUN)[:PASSES]]
    assert [(verdict.first.image, verdict.second.image) for verdict in given] == asked
    assert given[0].first.box == (8.1, 9.3, 40.7, 30)
    assert {(verdict.verdict, verdict.rater, verdict.question) for verdict in given} == {("same", "ada", QUESTION)}
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", verdict.at) for verdict in given)


@pytest.mark.parametrize(
    ("to_go", "left", "certain", "words"),
    [
        (3, 40, True, "the next 3 pass it; at most 40 are needed"),
        (38, 36, True, "at most 36 more answers are needed"),  # the others wait for the verdicts of further pairs
        (None, 40, True, "at most 40 more answers are needed"),
        (1, 1, True, "at most 1 more answer is needed"),
        (3, 12, False, "the next 3 pass it; 12 are left in the queue"),
        (None, 1, False, "1 is left in the queue"),
    ],
)
def test_how_many_more_decide(to_go: int | None, left: int, certain: bool, words: str) -> None:
    decision = Decision("undecided", "", 0.0, 1.0, left, to_go, f"the next {to_go} pass it" if to_go else "")
    assert forecast(decision, left, certain) == words


def test_only_same_is_right(undecided: Path) -> None:
    session = open_session(RUN, "ada")
    answer(session, "different", "duplicate", "unsure", "different", "different")
    assert (session.decision.word, session.answered) == ("fail", FAILS)


def test_an_answer_can_be_taken_back_also_after_an_interruption(undecided: Path) -> None:
    session = open_session(RUN, "ada")
    assert session.take_back() is None
    answer(session, "same", "same")
    answer(open_session(RUN, "ben"), "different")
    again = open_session(RUN, "ada")
    assert again.take_back() == again.following() == again.queue[1]
    assert [(verdict.rater, verdict.verdict) for verdict in parse(FILE.read_bytes(), "")] == [
        ("ada", "same"),
        ("ben", "different"),
    ]
    answer(again, "different")
    assert [verdict.verdict for verdict in parse(FILE.read_bytes(), "")] == ["same", "different", "different"]


def test_a_verdict_on_another_runs_pair_is_not_taken_back(undecided: Path) -> None:
    session = open_session(RUN, "ada")
    answer(session, "same")
    elsewhere = FILE.read_text().replace(session.queue[0].first.image, "e" * 64)
    FILE.write_text(elsewhere)
    assert open_session(RUN, "ada").take_back() is None
    assert FILE.read_text() == elsewhere


def test_a_second_rater_is_asked_for_the_same_pairs_and_further_ones_after_a_dispute(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), *["same"] * PASSES)
    second = open_session(RUN, "ben")
    assert second.decided and second.following() == second.queue[0]
    answer(second, "different")  # a tie is wrong
    assert not second.decided
    answer(second, *["same"] * (PASSES - 1))
    assert not second.decided and second.following() == second.queue[PASSES]
    answer(open_session(RUN, "cem"), "same")  # two of three say same
    assert open_session(RUN, "ada").decision.word == "pass"


class Typed(Keys):
    """Keys that nobody presses too early."""

    def __init__(self, text: str):
        self._unread = list(text)

    def forget(self) -> None:
        """Leaves all of them."""


def test_whoever_opens_the_gate_again_is_told(undecided: Path) -> None:
    answer(open_session(RUN, "ada"), *["same"] * PASSES)
    said: list[str] = []
    pictures = Pictures(RUN.inputs(STEP), places(RUN).pictures)
    ask(open_session(RUN, "ben"), pictures, Typed("xq"), said.append, places(RUN).sheet)
    assert any(
        "different; another rater disagrees, and a tie counts as wrong until one more rater breaks it; this makes"
        in line
        for line in said
    )


def test_the_gate_itself_decides_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Labels answer some draws, which wait for earlier ones; so fewer answers than draws decide."""
    monkeypatch.chdir(tmp_path)
    named = range(14, 22)
    run = make_run(Path("runs/some"), named)
    session = open_session(run, "ada")
    assert len(session.queue) < len(draws(run))
    while pair := session.following():
        session.answer(pair, "different")
    again = make_run(Path("runs/again"), named, gates__verdicts="../some/verdicts.csv")
    row = Dataset(again.dataset("gate_recurrence")).rows()[0]
    assert session.answered > FAILS  # what labels say is right, and counts once the draws before it are answered
    assert (row["verdict"], row["reason"]) == (session.decision.word, session.decision.sentence)
    said = f"There is nothing to label: the precision gate of runs/again failed, as {row['reason']}."
    assert why_not(again) == said


def test_a_third_rater_can_end_a_tie_after_the_run_was_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = make_run(tmp_path / "runs" / "first")
    answer(open_session(first, "ada"), *["same"] * 6)
    answer(open_session(first, "ben"), "different")
    again = make_run(tmp_path / "runs" / "again", gates__verdicts="../first/verdicts.csv")
    third = open_session(again, "cem")
    assert third.following() == third.queue[0] and third.queue[0].key == open_session(first, "cem").queue[0].key


@pytest.mark.parametrize("name", ["", " ", "=HYPERLINK(1)", "a\nb"])
def test_a_name_that_a_spreadsheet_would_compute_is_no_rater(undecided: Path, name: str) -> None:
    with pytest.raises(UserError, match="a rater needs a name"):
        open_session(RUN, name)
