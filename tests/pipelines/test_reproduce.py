"""`objectmate reproduce`: verdicts by the fixed rule on planted scores; retrieval against a plain computation."""

import json
from pathlib import Path

import numpy as np
import pytest
from browser import NARROW, WIDE, Visit, faults
from compare_data import SUBJECTS, base, scored_run
from typer.testing import CliRunner

from components.common.errors import UserError
from components.common.vision.encoders import load_encoder
from components.evaluation.benchmark import load
from pipelines.cli.app import app
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import AGREES, DISAGREES, UNDECIDED, Answer
from pipelines.reproduce.command import reproduce
from pipelines.reproduce.evidence import Evidence

BENCHMARK = Path(__file__).parents[2] / "components/sandbox/world/benchmark"
EXPECTED = {
    "three-references": (AGREES, 0.02),
    "insertion-identity": (DISAGREES, -0.03),
    "insertion-composition": (UNDECIDED, 0),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A run in which three references are better than one by .02, and copy-paste is better by .03 on identity."""
    scores, rng = base(), np.random.default_rng(3)
    noise = {name: 0.01 * rng.normal(size=SUBJECTS) for name in ("second_ir", "dino")}
    one = {"second_ir": scores["second_ir"] - 0.02 + noise["second_ir"]}
    pasted = {"second_ir": scores["second_ir"] + 0.03 + noise["second_ir"], "dino": scores["dino"] + noise["dino"]}
    pasted["dino"] -= noise["dino"].mean()
    others = {"objectmate-1-ref": one, "copy-paste": pasted}
    return scored_run(tmp_path_factory.mktemp("home") / "run", scores, others=others)


def test_planted_differences_get_their_verdicts(run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.root)
    answers = {each.question.name: each.answer for each in reproduce(Workspace(Path()), list(EXPECTED), None)}
    for name, (verdict, difference) in EXPECTED.items():
        answer = answers[name]
        assert answer and answer.verdict == verdict and answer.low <= difference <= answer.high, name
        assert answer.subjects == SUBJECTS


def test_rows_page_and_kept_answers(run: Workspace, monkeypatch: pytest.MonkeyPatch, visit: Visit) -> None:
    monkeypatch.chdir(run.root)
    words = ["reproduce", *EXPECTED, "--json", "answers.json"]
    assert CliRunner().invoke(app, words).exit_code == 0
    rows = json.loads(Path("answers.json").read_text())
    assert {row["question"]: row["verdict"] for row in rows} == {
        name: verdict for name, (verdict, _) in EXPECTED.items()
    }
    assert all(row["low"] <= row["estimate"] <= row["high"] and row["published"] for row in rows)
    monkeypatch.setattr("pipelines.reproduce.measures.compared", None)  # an unchanged run is not asked again
    assert CliRunner().invoke(app, words).exit_code == 0
    for width in (NARROW, WIDE):
        page = visit(Path("data/reproduce/index.html").resolve(), width)
        assert [each.inner_text() for each in page.locator("section strong").all()] == [
            verdict for verdict, _ in EXPECTED.values()
        ]
        assert page.locator("#three-references .mark.published").count() == 2
        assert page.locator("#three-references .whisker").count() == 2  # a published number has no interval
        assert not faults(page)


def test_what_cannot_be_asked_is_one_sentence(run: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no question luck: choose from retrieval-ir-dino, "):
        reproduce(run, ["luck"], None)
    alone = scored_run(tmp_path / "alone", base())
    with pytest.raises(UserError, match=r"the run has no insertion\.dino of copy-paste"):
        reproduce(alone, ["insertion-composition"], None)


def test_an_undecided_answer_says_how_many_subjects_would_decide() -> None:
    """An interval as wide to one side as the estimate times 3 needs 9 times the subjects."""
    assert Answer("q", 0.125, -0.25, 0.5, 10, ()).needed == 90
    assert Answer("q", -0.125, -0.5, 0.25, 10, ()).needed == 90
    assert Answer("q", 0.25, 0.0, 0.5, 10, ()).needed == 11
    assert Answer("q", 0.1, 0.01, 0.2, 10, ()).needed is None


def test_retrieval_is_that_of_a_plain_search(run: Workspace) -> None:
    subjects, hits = Evidence(run).hits("dino")
    views = [view for own in load(BENCHMARK).subjects.values() for view in own]
    vectors = load_encoder("sandbox:dino").embed([view.square(Evidence(run).params.crop_scale) for view in views])
    expected = []
    for number, view in enumerate(views):
        others = [other for other in range(len(views)) if other != number]
        nearest = max(others, key=lambda other: float(vectors[number] @ vectors[other]))
        expected.append(float(views[nearest].subject == view.subject))
    assert (subjects, hits) == ([view.subject for view in views], expected)
