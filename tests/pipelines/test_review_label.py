"""The label queue of the app in a real browser: keys, undo, several raters, and the gate that they decide."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from browser import NARROW, Visit, faults
from labelling_data import FILE, PASSES, RUN, make_run
from review_app import Served, served

from components.common.data.reading import Dataset
from components.common.verdicts import ASK, Verdict, parse
from pipelines.labelling.dialogue import ASKED
from pipelines.labelling.opening import open_session

pytest_plugins = ["browser"]
if TYPE_CHECKING:
    from playwright.sync_api import Page

KEYS = {"a": "same", "x": "different", "d": "duplicate", " ": "unsure"}
READY = "#pair[aria-busy=false]"


@pytest.fixture
def app(undecided: Path) -> Iterator[Served]:
    """The app on the undecided run, in which a browser that gives no name is ada."""
    with served(RUN, rater="ada") as running:
        yield running


def opened(visit: Visit, app: Served, rater: str = "", lane: str = "all", **window: bool | int) -> "Page":
    """The label page, once its first pair is shown."""
    page = visit(app.entry, **window)
    if rater:
        page.goto(f"{app.address}/name?back=/label")
        page.fill("input[name=name]", rater)
        page.click("text=Continue")
        page.wait_for_selector(READY)
    page.goto(f"{app.address}/label?lane={lane}")
    page.wait_for_selector(READY)
    return page


def saved(page: "Page") -> None:
    """Waits until everything is sent."""
    page.wait_for_function("() => !Object.values(sessionStorage).some(each => each !== '[]')")


def verdicts() -> list[Verdict]:
    return parse(FILE.read_bytes(), "")


def test_answers_in_the_app_turn_an_undecided_gate_into_a_pass(app: Served, visit: Visit, tmp_path: Path) -> None:
    page = opened(visit, app)
    assert "9 more pass it" in page.inner_text("#forecast")
    while page.is_visible("#pair"):
        page.wait_for_selector(READY)
        page.keyboard.press("a")
        saved(page)
    assert "The gate is decided and passes" in page.inner_text("#forecast")
    assert "--set gates.verdicts=runs/mugs-1/verdicts.csv" in page.inner_text("#again")
    assert [verdict.verdict for verdict in verdicts()] == ["same"] * PASSES
    page.close()
    again = make_run(Path("runs/again"), gates__verdicts="../mugs-1/verdicts.csv")
    assert Dataset(again.dataset("gate_recurrence")).rows(["verdict"])[0]["verdict"] == "pass"


def test_people_are_asked_the_question_that_is_recorded(app: Served, visit: Visit) -> None:
    page = opened(visit, app)
    assert page.inner_text("h1").lower() == ASK
    page.goto(app.entry)
    assert ASK in page.inner_text("a[href='/label'] p")
    assert ASK in ASKED.lower()


def test_fast_keys_are_neither_lost_nor_doubled(app: Served, visit: Visit) -> None:
    page = opened(visit, app)
    page.wait_for_load_state("networkidle")
    typed = "axadaxa axafxa"
    page.keyboard.type(typed, delay=50)
    saved(page)
    turns = [turn for turn in app.review.labels.all_turns()["ada"] if turn.answer]
    assert [turn.answer for turn in turns] == [KEYS[key] for key in typed if key != "f"]
    asked = [turn for turn in turns if turn.kind == "queue"]
    assert [verdict.verdict for verdict in verdicts()] == [turn.answer for turn in asked]
    images = Dataset(RUN.dataset("images")).rows(["image_id"])
    shown = [(images[turn.left]["image_id"], images[turn.right]["image_id"]) for turn in asked]
    assert [(verdict.first.image, verdict.second.image) for verdict in verdicts()] == shown
    assert [turn.position for turn in app.review.labels.all_turns()["ada"] if turn.flagged] == [12]


def test_an_answer_is_taken_back_after_a_reload(app: Served, visit: Visit) -> None:
    page = opened(visit, app)
    page.keyboard.press("a")
    page.keyboard.press("x")
    saved(page)
    page.reload()
    page.wait_for_selector(READY)
    shown = page.get_attribute("#left-object img", "src")
    page.keyboard.press("Backspace")
    page.wait_for_function(f"() => document.querySelector('#left-object img').getAttribute('src') !== '{shown}'")
    saved(page)
    assert [verdict.verdict for verdict in verdicts()] == ["same"]
    page.keyboard.press("d")
    saved(page)
    assert [verdict.verdict for verdict in verdicts()] == ["same", "duplicate"]
    assert verdicts()[1].first.image in {place.image for place in open_session(RUN, "z").queue[1][3:5]}


def test_answers_given_while_the_app_does_not_answer_are_sent_later(app: Served, visit: Visit) -> None:
    page = opened(visit, app)
    page.wait_for_load_state("networkidle")
    page.route("**/label/actions*", lambda route: route.fulfill(status=200, body="no JSON"))
    page.keyboard.type("ax", delay=50)
    page.wait_for_selector("#saving:has-text('not saved yet')")
    page.unroute("**/label/actions*")
    page.once("dialog", lambda dialog: dialog.accept())
    page.reload()
    page.wait_for_selector(READY)
    saved(page)
    assert [verdict.verdict for verdict in verdicts()] == ["same", "different"]


def test_two_raters_at_once_disagree_and_a_third_ends_it(app: Served, visit: Visit) -> None:
    ada, ben = opened(visit, app), opened(visit, app, "ben")
    for key in "aa":
        ada.keyboard.press(key)
        ben.keyboard.press("x")
        for page in (ada, ben):
            page.wait_for_selector(READY)
    for page in (ada, ben):
        saved(page)
    assert sorted((verdict.rater, verdict.verdict) for verdict in verdicts()) == [
        *[("ada", "same")] * 2,
        *[("ben", "different")] * 2,
    ]
    ada.goto(f"{app.address}/label/raters")
    assert "ada: same, ben: different" in ada.inner_text("main")
    cem = opened(visit, app, "cem", lane="disputed")
    cem.goto(f"{app.address}/label/raters")
    assert "hidden until you have answered" in cem.inner_text("main") and "ben: different" not in cem.inner_text("main")
    cem.goto(f"{app.address}/label?lane=disputed")
    cem.wait_for_selector(READY)
    cem.keyboard.type("aa", delay=50)
    cem.wait_for_selector("text=No disputed pair is left for you.")
    saved(cem)
    session = open_session(RUN, "ada")
    assert {len(session.given(pair)) for pair in session.queue[:2]} == {3}


def test_a_verdict_that_a_crash_kept_from_the_file_is_in_it_after_the_next_start(undecided: Path) -> None:
    from pipelines.review.label_room import Action

    with served(RUN) as app:
        room = app.review.labels
        [first, second], _ = (each[:2] for each in room.turns("ada", "all"))
        room.act("ada", [Action(do="answer", turn=first.id, word="same")])
        room.open.file.append = _power_cut  # type: ignore[method-assign]
        with pytest.raises(KeyboardInterrupt):
            room.act("ada", [Action(do="answer", turn=second.id, word="different")])
    assert len(verdicts()) == 1
    with served(RUN):
        assert [verdict.verdict for verdict in verdicts()] == ["same", "different"]
    with served(RUN):
        assert len(verdicts()) == 2


def _power_cut(verdict: Verdict) -> str:
    raise KeyboardInterrupt


def test_the_export_is_inert_and_a_hostile_name_too(app: Served, visit: Visit) -> None:
    name = "a<img src=x onerror=alert(1)>"
    page = opened(visit, app, name)
    page.keyboard.press("a")
    saved(page)
    page.goto(f"{app.address}/label/raters")
    assert name in page.inner_text("tbody")
    with page.expect_download() as download:
        page.evaluate("location = '/label/answers.csv'")
    with Path(download.value.path()).open(newline="") as file:
        [row] = csv.DictReader(file)
    assert (row["rater"], row["answer"]) == (name, "same")


def test_everything_is_usable_on_a_phone_and_a_laptop(app: Served, visit: Visit) -> None:
    phone = opened(visit, app, width=NARROW, touch=True)
    phone.tap("[data-word=same]")
    phone.wait_for_selector(READY)
    phone.tap("#flag")
    saved(phone)
    laptop = opened(visit, app)
    assert len(verdicts()) == 1
    for page in (phone, laptop):
        for path in ("/", "/label", "/label/raters", "/name"):
            page.goto(app.address + path)
            if path == "/label":
                page.wait_for_selector(READY)
            assert not faults(page), path
