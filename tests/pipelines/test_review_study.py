"""The study in a real browser: balanced sides, undo, what is preferred, and the tables for evaluation."""

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from browser import NARROW, Visit, faults
from labelling_data import RUN
from PIL import Image
from review_app import Served, served

from components.common.data.sandbox import WORLD
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.vision.images import encode_png
from components.evaluation.benchmark import Sample, generation_samples, insertion_samples, load, placement_samples
from components.evaluation.params import Params
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.review.database import open_database
from pipelines.review.study import Choice, StudyRoom
from pipelines.review.study_report import preferences
from pipelines.steps import STEPS

pytest_plugins = ["browser"]
if TYPE_CHECKING:
    from playwright.sync_api import Page

EVERY, READY = 6, "#pair[aria-busy=false]"
COLOURS = {"objectmate": "red", "=other": "blue"}


@pytest.fixture(scope="module")
def samples() -> dict[str, list[Sample]]:
    benchmark = load(WORLD / "benchmark")
    inserted = insertion_samples(benchmark, Params())[:EVERY]
    return {"insertion": [*inserted], "generation": generation_samples(benchmark, Params())[:EVERY]}


def make_samples(workspace: Workspace, samples: dict[str, list[Sample]], colours: dict[str, str]) -> None:
    """The dataset `samples`: every system paints each sample in one colour."""
    rows, blobs = [], []
    for system, colour in colours.items():
        for benchmark, some in samples.items():
            for sample in some:
                rows.append(
                    {"system": system, "benchmark": benchmark, "subject": sample.subject, "sample": sample.name}
                )
                blobs.append({"image.png": encode_png(Image.new("RGB", (32, 32), colour))})
    params = read_step(workspace.params, STEPS["evaluation"])
    with Writer(workspace.dataset("samples"), "samples", "evaluation", {}, params) as out:
        out.write(0, rows, blobs)


@pytest.fixture
def app(undecided: Path, samples: dict[str, list[Sample]]) -> Iterator[Served]:
    make_samples(RUN, samples, COLOURS)
    with served(RUN, rater="ada") as running:
        yield running


def red(page: "Page") -> str:
    """The side on which the picture of `objectmate` is."""
    colour = page.evaluate("""() => {
      const canvas = document.createElement('canvas').getContext('2d');
      canvas.drawImage(document.querySelector('#left img'), 0, 0);
      return [...canvas.getImageData(5, 5, 1, 1).data];
    }""")
    return "ArrowLeft" if colour[0] > 200 else "ArrowRight"


def saved(page: "Page") -> None:
    page.wait_for_function("() => !Object.values(sessionStorage).some(each => each !== '[]')")


def test_choices_are_told_apart_by_system_and_exported(app: Served, visit: Visit) -> None:
    page = visit(app.entry)
    page.goto(f"{app.address}/study")
    page.select_option("[name=question]", "prompt")
    page.click("text=Start")
    page.wait_for_selector(READY)
    assert " on " in page.inner_text("#prompt") and page.locator("#references img").count() == 3
    assert "objectmate" not in page.inner_text("main") and "=other" not in page.inner_text("main")
    sides = []
    while page.is_visible("#pair"):
        page.wait_for_selector(READY)
        sides.append(red(page))
        page.keyboard.press(sides[-1])
        saved(page)
    assert len(sides) == EVERY and sides.count("ArrowLeft") == EVERY // 2
    page.keyboard.press("Backspace")
    page.wait_for_selector(READY)
    page.reload()
    page.wait_for_selector(READY)
    page.keyboard.press("ArrowRight" if red(page) == "ArrowLeft" else "ArrowLeft")
    saved(page)
    page.goto(f"{app.address}/study")
    assert page.inner_text("tbody").split("\t")[2:5] == ["=other", "objectmate", "17 %"]
    rows = list(csv.DictReader(io.StringIO(page.request.get(f"{app.address}/study/choices.csv").text())))
    assert [row["chosen"] for row in rows].count("objectmate") == EVERY - 1
    assert [row["chosen"] for row in rows].count("'=other") == 1  # inert in a spreadsheet
    table = pq.read_table(io.BytesIO(page.request.get(f"{app.address}/study/choices.parquet").body()))
    assert table["chosen"].to_pylist().count("=other") == 1
    assert set(table["question"].to_pylist()) == {"prompt"} and set(table["rater"].to_pylist()) == {"ada"}


def test_the_study_is_usable_on_a_phone_and_a_laptop(app: Served, visit: Visit) -> None:
    address = f"{app.address}/study/compare?question=similarity&first=objectmate&second=%3Dother"
    for window in ({"width": NARROW, "touch": True}, {}):
        page = visit(app.entry, **window)
        page.goto(f"{app.address}/study")
        assert not faults(page)
        page.goto(address)
        page.wait_for_selector(READY)
        assert not faults(page)
        page.tap("[data-word=left]") if window else page.click("[data-word=right]")
        saved(page)
    answers = app.review.study.answers()  # type: ignore[union-attr]
    assert {row["choice"] for row in answers} == {"left", "right"} and len(answers) == 2


def test_two_runs_are_compared_under_names_that_tell_them_apart(
    undecided: Path, samples: dict[str, list[Sample]]
) -> None:
    other = Workspace(Path("elsewhere/mugs-1"))
    other.root.mkdir(parents=True)
    other.params.write_bytes(RUN.params.read_bytes())
    make_samples(RUN, samples, {"objectmate": "red", "copy-paste": "green"})
    make_samples(other, samples, {"objectmate": "blue"})
    room = StudyRoom([RUN, other], open_database("sqlite:///review.db"))
    first, *_, second = room.systems
    assert (first, second) == ("runs/mugs-1: objectmate", "elsewhere/mugs-1: objectmate")
    assert room.systems[room.second - 1] == second
    study = room.study("similarity", second, first)
    assert study == room.study("similarity", first, second)
    ahead, behind = room.turns(study, "ada")
    assert (len(ahead), behind) == (2 * EVERY, [])
    own = [Choice(do="answer", turn=turn.id, word="left", milliseconds=5) for turn in ahead]
    assert room.act(study, "ben", own[:1]) == [
        "An answer was for a comparison that is not yours here: reload the page."
    ]
    assert room.act(study, "ada", [*own, *own]) == []
    found = preferences(room.answers())
    assert [(one.benchmark, one.answers, one.share.mean) for one in found] == [
        ("generation", EVERY, pytest.approx(0.5, abs=0.34)),
        ("insertion", EVERY, pytest.approx(0.5, abs=0.34)),
    ]
    assert all(one.share.low < 0.5 < one.share.high for one in found)


def test_every_benchmark_that_is_scored_is_asked_about(undecided: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also placement, of which the sandbox has no samples."""
    benchmark = load(WORLD / "benchmark")
    subject, views = next(iter(benchmark.subjects.items()))
    benchmark = replace(benchmark, places={subject: views[:1]})
    monkeypatch.setattr("pipelines.review.study.load", lambda folder: benchmark)
    placed: list[Sample] = [*placement_samples(benchmark, Params())]
    make_samples(RUN, {"placement": placed}, COLOURS)
    room = StudyRoom([RUN], open_database("sqlite:///review.db"))
    ahead, _ = room.turns(room.study("similarity", *COLOURS), "ada")
    assert [(turn.benchmark, turn.sample) for turn in ahead] == [("placement", placed[0].name)]
    with pytest.raises(UserError, match="no sample with a prompt in common"):
        room.study("prompt", *COLOURS)
