"""The report page, from small datasets written for the test."""

import json
from pathlib import Path

from PIL import Image
from rich.console import Console
from workspace_data import make_step, make_workspace

from components.common.stage.plots import draw
from components.common.stage.report import Report
from components.gates.conservation import ACCOUNT
from pipelines.engines import summary
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.report.page import write_page
from pipelines.steps import STEPS


def stopped_workspace(root: Path, note: str) -> Workspace:
    workspace = make_workspace(root)
    rows = [{"threshold": 0.8, "precision": 0.7}, {"threshold": 0.9, "precision": 0.9}]
    report = Report({"captions": 0.0}, {"precision": rows}, {"sheet": Image.new("RGB", (8, 8))}, [note])
    make_step(workspace, STEPS["mining"], report)
    make_step(workspace, STEPS["gate_recurrence"], verdict="undecided")
    return workspace


def test_page_shows_where_the_run_stopped_and_what_to_do(tmp_path):
    page = write_page(stopped_workspace(tmp_path, "nothing")).read_text()
    assert "The run stopped at the gate" in page
    assert "The last one started on 2026-01-01 00:00 UTC; code: <code>c</code>." in page
    assert "12 pairs are labelled.<br>Next: label 40 more." in page
    assert page.count("data:image/png;base64,") == 1 and page.count("data:image/webp;base64,") == 1


def test_a_gate_that_the_run_went_past_stands_at_the_top_too(tmp_path):
    workspace = make_workspace(tmp_path)
    make_step(workspace, STEPS["gate_tuples"], verdict="fail", blocking=False, reason="no [b]box[/b] <b>fits</b>")
    page = write_page(workspace).read_text()
    top, _, _ = page.partition("<h2>")
    assert "The run went on past the gate" in top and "No [b]box[/b] &lt;b&gt;fits&lt;/b&gt;" in top


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
    assert '1,200<td>sets<td>1,100 kept + 99 lost &lt;i&gt;<span class="fail">, but x is gone' in page


def test_the_terminal_prints_names_as_they_are(tmp_path, capsys, monkeypatch):
    workspace = make_workspace(tmp_path / "photos [red]")
    make_step(workspace, STEPS["gate_tuples"], verdict="fail", reason="[bold]x[/bold].jpg", next_step="rename a[/].jpg")
    monkeypatch.setattr(summary, "console", Console(width=60))
    summary.summarise(workspace, Request("dataset"), summary.Outcome([], [], 0.1))
    said = capsys.readouterr().out
    assert "retrieval-precision: fail. [bold]x[/bold].jpg. Next: rename a[/].jpg." in said
    assert f"Report: {tmp_path}/photos [red]/data/report/index.html\n" in said


def test_the_headline_names_the_views_that_a_set_must_have(tmp_path):
    workspace = make_workspace(tmp_path, **{"mining.min_views": 4})
    make_step(workspace, STEPS["mining"], Report({"yield_sets": 0.25}))
    page = write_page(workspace).read_text()
    assert "objects with 4 views or more" in page and "3 views" not in page


def test_text_from_outside_cannot_become_markup(tmp_path):
    page = write_page(stopped_workspace(tmp_path, "<script>alert('x')</script>")).read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_plots_of_words_and_numbers_are_drawn_the_same_each_time():
    bars = [{"system": "ours", "ir": 0.8, "dino": 0.7}, {"system": "copy", "ir": 0.9, "dino": None}]
    lines = [{"threshold": 0.1 * k, "precision": 0.5 + 0.05 * k} for k in range(5)]
    for rows in (bars, lines):
        assert draw("plot", rows) == draw("plot", rows)
        assert draw("plot", rows).startswith(b"\x89PNG")


def test_any_text_can_be_a_category():
    for text in ("$\\x$", "$", "a_b", "\\$x^$"):
        assert draw(text, [{"category": text, text: 1}]).startswith(b"\x89PNG")
