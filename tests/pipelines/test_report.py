"""The report page, from small datasets written for the test."""

import json

from PIL import Image

from components.common.datasets import Writer
from components.common.params import StageParams
from components.common.plots import draw
from components.common.report import Report
from pipelines.report.page import write_page
from pipelines.steps import STEPS
from pipelines.workspace import Workspace

VERDICT = {
    "gate": "retrieval_precision",
    "verdict": "undecided",
    "blocking": True,
    "observed": 0.66,
    "limit": 0.7,
    "reason": "12 pairs are labelled",
    "next_step": "label 40 more",
}


def make_workspace(root, note: str) -> Workspace:
    workspace = Workspace(root)
    step = STEPS["gate_recurrence"]
    with Writer(workspace.dataset("gate_recurrence"), "verdicts", step.name, {}, StageParams()) as out:
        out.write(0, [VERDICT])
    captions = STEPS["captioning"]
    with Writer(workspace.dataset("captions"), "captions", captions.name, {}, StageParams()) as out:
        out.write(0, [])
    rows = [{"threshold": 0.8, "precision": 0.7}, {"threshold": 0.9, "precision": 0.9}]
    report = Report({"captions": 0.0}, {"precision": rows}, {"sheet": Image.new("RGB", (8, 8))}, [note])
    for name in (step.name, captions.name):
        report.save(workspace.report(STEPS[name]))
        (workspace.report(STEPS[name]) / "run.json").write_text(json.dumps({"seconds": 1.5}))
    return workspace


def test_page_shows_where_the_run_stopped_and_what_to_do(tmp_path):
    page = write_page(make_workspace(tmp_path, "nothing")).read_text()
    assert "The run stopped at the gate" in page
    assert "12 pairs are labelled. Next: label 40 more." in page
    assert page.count("data:image/png;base64,") == 1 and page.count("data:image/webp;base64,") == 1


def test_text_from_outside_cannot_become_markup(tmp_path):
    page = write_page(make_workspace(tmp_path, "<script>alert('x')</script>")).read_text()
    assert "<script>" not in page and "&lt;script&gt;" in page


def test_plots_are_drawn_alike_each_time_for_words_and_numbers():
    bars = [{"system": "ours", "ir": 0.8, "dino": 0.7}, {"system": "copy", "ir": 0.9, "dino": None}]
    lines = [{"threshold": 0.1 * k, "precision": 0.5 + 0.05 * k} for k in range(5)]
    for rows in (bars, lines):
        assert draw("plot", rows) == draw("plot", rows)
        assert draw("plot", rows).startswith(b"\x89PNG")
