"""The report page, from small datasets written for the test."""

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from browser import NARROW, WIDE, Visit, faults
from PIL import Image
from rich.console import Console
from workspace_data import make_step, make_workspace

from components.common.stage.report import Report
from components.common.vision.sheets import sheet
from components.gates.conservation import ACCOUNT
from pipelines.engines import summary
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.report import charts
from pipelines.report.galleries import MOST, gallery
from pipelines.report.page import write_page
from pipelines.report.scores import Benchmark
from pipelines.report.section import MOST_BARS, draw
from pipelines.steps import STEPS

HOSTILE = "<script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"


def colours(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (16, 16), (20 * number, 90, 160)) for number in range(count)]


def stopped_workspace(root: Path, note: str) -> Workspace:
    workspace = make_workspace(root)
    rows = [{"threshold": 0.8, "precision": 0.7}, {"threshold": 0.9, "precision": 0.9}]
    report = Report({"captions": 0.0}, {"precision": rows}, {"sheet": Image.new("RGB", (8, 8))}, [note])
    make_step(workspace, STEPS["mining"], report)
    make_step(workspace, STEPS["gate_recurrence"], verdict="undecided")
    return workspace


def full_workspace(root: Path) -> Workspace:
    """A workspace with scores, plots, pictures and an account, all of them named by someone hostile."""
    workspace = make_workspace(root)
    scores = [
        {"metric": metric, "system": system, "mean": mean, "low": mean - 0.1, "high": mean + 0.1}
        for metric in ("second_ir", "ir", "object_error", HOSTILE)
        for system, mean in (("objectmate", 0.8), ("copy-paste", 0.9), ("shuffled-refs", 0.2), (HOSTILE, 0.5))
    ]
    differences = [
        {"metric": "second_ir", "system": "reference_gap", "mean": 0.6, "low": 0.5, "high": 0.7},
        {"metric": "ir", "system": "over_copy_paste", "mean": -0.1, "low": -0.15, "high": -0.05},
    ]
    pictures = sheet([[(first, HOSTILE), second] for first, second in pairwise(colours(4))], ["reference", HOSTILE])
    plots = {"insertion_scores": scores, "insertion_differences": differences, "other": [{HOSTILE: HOSTILE, "n": 3}]}
    report = Report({HOSTILE: 0.25, "seconds": 3.0}, plots, {"insertion_samples": pictures}, [HOSTILE])
    make_step(workspace, STEPS["evaluation"], report)
    make_step(workspace, STEPS["gate_model"], reason=HOSTILE)
    equation = {"whole": HOSTILE, "total": 12, "parts": {HOSTILE: 12}, "first": HOSTILE}
    make_step(workspace, STEPS["gate_tuples"], Report(files={ACCOUNT: json.dumps([equation])}))
    return workspace


@pytest.fixture(scope="module")
def full_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(full_workspace(tmp_path_factory.mktemp("full") / f"{HOSTILE.replace('/', '')} é"))


def text_of(page: Path) -> str:
    """The words of a page, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", re.sub("</(p|td)>", " ", page.read_text(encoding="utf-8"))))


def test_page_shows_where_the_run_stopped_and_what_to_do(tmp_path):
    page = write_page(stopped_workspace(tmp_path, "nothing"))
    said = text_of(page)
    assert "No: the run stopped at the gate retrieval-precision." in said
    assert "The last one started on 2026-01-01 00:00 UTC; code: c." in said
    assert "12 pairs are labelled. Next: label 40 more." in said
    assert page.read_text().count("data:image/webp;base64,") == 1 and page.read_text().count("<svg") == 1


def test_a_finished_pipeline_is_not_told_as_a_part_of_all_stages(tmp_path):
    workspace = make_workspace(tmp_path)
    assert "Yes: all 18 stages are done" in text_of(write_page(workspace))
    workspace.record(STEPS["evaluation"]).unlink()
    assert "Yes: all 16 stages of dataset and training are done" in text_of(write_page(workspace))
    workspace.record(STEPS["train_insertion"]).unlink()
    assert "So far: 15 of 18 stages are done" in text_of(write_page(workspace))


def test_a_gate_that_the_run_went_past_stands_at_the_top_too(tmp_path):
    workspace = make_workspace(tmp_path)
    make_step(workspace, STEPS["gate_tuples"], verdict="fail", blocking=False, reason="no [b]box[/b] <b>fits</b>")
    page = write_page(workspace).read_text()
    top, _, _ = page.partition('class="answers"')
    assert "The run continued past the gate" in top and "No [b]box[/b] &lt;b&gt;fits&lt;/b&gt;" in top


def test_the_account_is_a_table_that_says_what_is_missing(tmp_path):
    workspace = make_workspace(tmp_path)
    equation = {
        "whole": "sets",
        "total": 1200,
        "parts": {"kept": 1100, "late": 0, "lost <i>": 99},
        "first": "x is gone",
    }
    make_step(workspace, STEPS["gate_tuples"], Report(files={ACCOUNT: json.dumps([equation])}))
    page = write_page(workspace).read_text()
    assert "1,100 kept + 99 lost &lt;i&gt;" in page and ", but x is gone</span>" in page
    assert "1,200 sets" in text_of(workspace.page)


def test_the_terminal_prints_names_as_they_are(tmp_path, capsys, monkeypatch):
    workspace = make_workspace(tmp_path / "photos [red]")
    make_step(workspace, STEPS["gate_tuples"], verdict="fail", reason="[bold]x[/bold].jpg", next_step="rename a[/].jpg")
    monkeypatch.setattr(summary, "console", Console(width=60))
    summary.summarise(workspace, Request("dataset"), summary.Outcome([], [], 0.1))
    said = capsys.readouterr().out
    assert "retrieval-precision: fail. [bold]x[/bold].jpg. Next: rename a[/].jpg." in said
    assert f"Report: {tmp_path}/photos [red]/data/report/index.html\n" in said


def test_scores_above_the_ceiling_are_marked_as_copying():
    real = {"metric": "ir", "system": "real-photograph", "mean": 0.6, "low": 0.5, "high": 0.7, "above_ceiling": False}
    pasted = real | {"system": "copy-paste", "mean": 0.9, "low": 0.8, "high": 1.0, "above_ceiling": True}
    judged = Benchmark("insertion", [real, pasted], [])
    said = "copy-paste scores above the ceiling of real photographs on IR (the encoder that mined)"
    assert judged.sentences() == [f"{said}: this is what copying gives"]
    ((_, _, cells),) = judged.table()
    assert cells == ["0.600 (0.500 to 0.700)", "0.900 (0.800 to 1.000), above the ceiling: copying"]


def test_the_scores_say_when_a_trivial_baseline_wins(full_page):
    said = text_of(full_page)
    assert "its references matter: they are worth 0.600 (0.500 to 0.700) over another object" in said
    assert "copy-paste, which needs no model, beats the model on IR (the encoder that mined), by 0.100" in said


def test_a_sheet_is_cut_into_its_pictures_below_its_headings(tmp_path):
    pictures = colours(6)
    made = sheet([[(pictures[0], "a <b>"), pictures[1]], ["no picture", pictures[2]]], ["one", "two"], 16, abreast=2)
    Report(figures={"pairs": made}).save(tmp_path)
    shown = gallery(tmp_path / "figures" / "pairs.png", "mining")
    assert shown.headings == ["one", "two"] and shown.title == "Pairs" and shown.left_out == 0
    assert [[(tile.text, tile.alt, bool(tile.picture)) for tile in row] for row in shown.rows] == [
        [("a <b>", "one: a <b>", True), ("", "two", True)],
        [("no picture", "", False), ("", "two", True)],
    ]


def test_a_page_samples_large_sheets_and_says_so(tmp_path):
    workspace = make_workspace(tmp_path)
    many = sheet([[picture, picture] for picture in colours(12) * 5], ["first", "second"], 16)
    make_step(workspace, STEPS["mining"], Report(figures={"sets": many}))
    page = write_page(workspace)
    assert gallery(workspace.report(STEPS["mining"]) / "figures/sets.png", "mining").left_out == 60 - MOST // 2
    assert f"{60 - MOST // 2} more are not shown here." in text_of(page)


def test_plots_of_words_and_numbers_are_drawn_the_same_each_time():
    bars = [{"system": "ours", "ir": 0.8}, {"system": "$\\x$ <a>", "ir": None}]
    lines = [{"threshold": 0.1 * k, "precision": 0.5 + 0.05 * k, "recall": None} for k in range(5)]
    flat = [{"images": 1, "loss": 0.0}]
    for rows in (bars, lines, flat):
        words, drawing = draw("mining", "plot", rows)
        assert drawing == draw("mining", "plot", rows)[1] and drawing.startswith("<svg") and "NaN" not in drawing
        assert words.x in drawing and (words.kind == "bars" or words.y in drawing)
    assert "&lt;a&gt;" in draw("mining", "plot", bars)[1]


def test_a_chart_of_thousands_of_categories_says_how_many_it_leaves_out():
    words, drawing = draw(
        "gate_recurrence", "precision_by_category", [{"category": f"c{n}", "precision": 1} for n in range(3_000)]
    )
    assert drawing.count("<rect") == MOST_BARS and words.says.endswith(" 2,940 more are not shown here.")


def test_values_that_only_rounding_tells_apart_stay_inside_the_chart():
    scale = charts.Scale([1 - 2e-16, 1.0], 0, 100)
    assert all(0 <= scale(value) <= 100 for value in (1 - 2e-16, 1.0, scale.ticks[0], scale.ticks[-1]))


def test_numbers_carry_their_unit(tmp_path):
    workspace = make_workspace(tmp_path)
    make_step(workspace, STEPS["ingest"], Report({"megabytes": 1234.0, "quarantined_share": 0.0125}))
    said = write_page(workspace).read_text()
    assert '<th scope="row">megabytes</th><td class="n">1,234</td><td>MB</td>' in said
    assert '<th scope="row">quarantined share</th><td class="n">0.013</td><td>share, 0 to 1</td>' in said


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_page_is_whole_in_a_browser(full_page, visit: Visit, width: int):
    page = visit(full_page, width=width, touch=width == NARROW)
    page.click("#all")
    assert not faults(page)
    assert page.locator(".tile img").count() >= 12
    assert page.evaluate("window.hit") is None and page.locator("img[src=x]").count() == 0
    assert page.locator("th", has_text="<script>").count() > 0


def test_stages_open_from_the_contents_and_pictures_get_larger(full_page, visit: Visit):
    page = visit(full_page)
    stage, large = page.locator("#stage-evaluation"), page.locator("#large")
    assert stage.get_attribute("open") is None
    page.click("nav a[href='#stage-evaluation']")
    assert stage.get_attribute("open") is not None
    page.locator("#stage-evaluation .tile").first.click()
    assert large.is_visible()
    first = large.locator("img").get_attribute("src")
    page.keyboard.press("ArrowRight")
    assert large.locator("img").get_attribute("src") != first
    page.keyboard.press("ArrowLeft")
    assert large.locator("img").get_attribute("src") == first
    page.keyboard.press("Escape")
    assert not large.is_visible()


def test_points_are_drawn_on_the_axis_that_is_shown() -> None:
    """A value at a tick lies on the tick's line."""
    chart = charts.lines([{"x": 0, "y": 0.0}, {"x": 1, "y": 1.0}], "x", {"y": "y"}, "x", "y", "")
    grid = re.findall(r'class="grid" [^>]*y1="([\d.]+)"', chart)
    points = re.findall(r'class="dot s0" [^>]*cy="([\d.]+)"', chart)
    assert points == [grid[0], grid[-1]]
    bars = charts.columns([{"x": 0, "y": 1.0}], "x", "y", "x", "y", "")
    (top,) = re.findall(r'class="bar" [^>]*y="([\d.]+)"', bars)
    assert top == re.findall(r'class="grid" [^>]*y1="([\d.]+)"', bars)[-1]
