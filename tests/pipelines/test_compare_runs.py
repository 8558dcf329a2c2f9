"""`objectmate compare`: cause, gates, paired scores and pictures of runs whose differences were planted."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from browser import NARROW, WIDE, Visit, faults
from compare_data import SUBJECTS, Values, base, judge, scored_run
from pydantic import TypeAdapter
from typer.testing import CliRunner, Result

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.statistics import Interval
from components.common.systems import GAP
from components.evaluation.summary import tabulate
from pipelines.cli.app import app
from pipelines.cluster.sync import _commit
from pipelines.compare.comparison import Comparison, Parameter, _why, compare
from pipelines.compare.named import in_folder
from pipelines.compare.pictures import BUDGET
from pipelines.compare.scores import MAYBE_WORSE, SAME, compare_scores, current_scores, sentence, why_not
from pipelines.compare.terminal import answer, cause
from pipelines.compare.worse import worse
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.rows import Row
from pipelines.steps import STEPS

LOSS = 0.010


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `plain`, and `tight`, whose IR is lower by .010 and whose subjects' scores are far apart."""
    home = tmp_path_factory.mktemp("home")
    scores, rng = base(), np.random.default_rng(1)
    scored_run(home / "plain", scores)
    tight = scores | {"ir": scores["ir"] - LOSS + 0.018 * rng.normal(size=SUBJECTS)}
    tight["dino"] = scores["dino"] + 0.018 * rng.normal(size=SUBJECTS)
    scored_run(home / "tight", tight, contents={"tuples": "x"}, **{"assembly.context_max": 1.8})
    return home


def called(home: Path, *words: str) -> Result:
    return CliRunner().invoke(app, ["compare", str(home / "plain"), str(home / "tight"), *words], terminal_width=200)


def found(before: Workspace, after: Workspace) -> Comparison:
    return compare(in_folder("plain", before.root), [in_folder("tight", after.root)])


def test_a_small_loss_is_found_though_the_runs_own_intervals_overlap(runs: Path) -> None:
    comparison = found(Workspace(runs / "plain"), Workspace(runs / "tight"))
    (against,) = comparison.against
    scores = {score.name: score for score in against.scores}
    lost = scores["insertion.ir"]
    assert lost.overlaps and lost.run.low < lost.reference.mean < lost.run.high
    assert -0.02 < lost.difference.low < lost.difference.high < 0
    assert "plain is better than tight by 0.0" in sentence(lost, "plain", "tight", comparison.tests)
    assert "although the runs' own intervals overlap" in sentence(lost, "plain", "tight", comparison.tests)
    assert scores["insertion.object_error"].verdict == SAME and scores["insertion.dino"].p > 0.05
    assert [parameter.key for parameter in against.parameters] == ["ingest.denied", "assembly.context_max"]
    assert against.causes[0].startswith("parameter assembly.context_max: ") and against.causes[0].endswith("became 1.8")


def test_the_answer_names_what_is_certain_and_what_it_is_not_about(runs: Path) -> None:
    comparison = found(Workspace(runs / "plain"), Workspace(runs / "tight"))
    assert answer(comparison) == ["tight is worse than plain on insertion.ir"]
    trained = replace(comparison, against=[replace(comparison.against[0], equal=[])])
    assert "one training" in answer(trained)[1]
    same = found(Workspace(runs / "plain"), Workspace(runs / "plain"))
    assert answer(same) == [f"No run is shown to be better or worse than plain on any of the {same.tests} scores"]


def test_another_model_is_called_by_its_parameter_not_by_its_weights(runs: Path) -> None:
    (against,) = found(Workspace(runs / "plain"), Workspace(runs / "tight")).against
    chosen = Parameter("models.ir", "sandbox:ir", "sandbox:clip")
    other = replace(against, causes=["weights encoder: 1 became 2"], parameters=[chosen])
    assert cause(other).endswith("by parameter models.ir: sandbox:ir became sandbox:clip")


@pytest.mark.parametrize(
    ("what", "key", "reason", "why"),
    [
        ("removed", {"tuple_id": "1"}, "photograph-held-out: by scene", "refused in this run: photograph-held-out"),
        ("added", {"tuple_id": "1"}, "not-drawn", "refused in the reference: not-drawn"),
        ("removed", {"tuple_id": "1"}, "its photograph 12ab is not there", "its photograph is not there in this run"),
        ("added", {"key": "1", "reason": "not-drawn"}, "", "not-drawn"),
        ("added", {"tuple_id": "1"}, "", ""),
    ],
)
def test_why_a_row_came_or_went(what: str, key: dict[str, str], reason: str, why: str) -> None:
    assert _why(Row(what, key, {}, reason)) == why


def test_what_holds_for_one_score_is_doubted_among_many(tmp_path: Path) -> None:
    scores, rng = base(), np.random.default_rng(4)
    weak = scores | {"ir": scores["ir"] - 0.006 + 0.012 * rng.normal(size=SUBJECTS)}
    (against,) = found(scored_run(tmp_path / "a", scores), scored_run(tmp_path / "b", weak)).against
    lost = next(score for score in against.scores if score.name == "insertion.ir")
    assert lost.p < 0.05 < lost.p_holm and lost.verdict == MAYBE_WORSE
    assert "perhaps better" in sentence(lost, "a", "b", 5)
    tiny = replace(lost, difference=Interval(0.0008, 0.00006, 0.0014))
    assert "by 0.0008 (0.0001 to 0.0014, " in sentence(tiny, "a", "b", 5), "no end is rounded to zero"


def test_lower_is_better_for_errors_and_only_common_samples_count(tmp_path: Path) -> None:
    scores = base()
    better = scores | {"object_error": np.asarray(scores["object_error"]) - 0.01}
    before, after = scored_run(tmp_path / "a", scores), scored_run(tmp_path / "b", better)
    compared, refused = compare_scores(current_scores(before), current_scores(after))
    gain = next(score for score in compared if score.name == "insertion.object_error")
    assert refused == {} and gain.difference.mean == pytest.approx(0.01) and gain.left_out == 0
    strangers = current_scores(scored_run(tmp_path / "c", scores, subject="jar"))
    compared, refused = compare_scores(current_scores(before), strangers)
    assert compared == [] and all("0 common subjects are too few" in reason for reason in refused.values())


@pytest.mark.parametrize(("real", "copies"), [(0.5, True), (0.9, False)])
def test_the_better_run_is_called_copying_above_the_ceiling(tmp_path: Path, real: float, copies: bool) -> None:
    scores = {"ir": np.linspace(0.6, 0.8, SUBJECTS), "object_error": np.full(SUBJECTS, 0.1)}
    better = scores | {"ir": scores["ir"] + 0.01}
    ceiling = {"real-photograph": {"ir": np.full(SUBJECTS, real)}}
    sides = [
        current_scores(scored_run(tmp_path / name, values, others=ceiling))
        for name, values in (("low", scores), ("high", better))
    ]
    for reference, run in (sides, sides[::-1]):
        [change] = [each for each in compare_scores(reference, run)[0] if each.name == "insertion.ir"]
        assert change.reference_copies == change.run_copies == copies
        names = [Path(each.name).name for each in (reference, run)]
        assert ("high scores above the ceiling" in sentence(change, *names, 2)) == copies


def test_only_common_samples_can_be_above_the_ceiling(tmp_path: Path) -> None:
    """The run's other half is far above it."""
    low, high = np.full(SUBJECTS // 2, 0.4), np.full(SUBJECTS // 2, 0.9)
    both, real = {"ir": np.concatenate([low, high])}, {"real-photograph": {"ir": np.full(SUBJECTS, 0.5)}}
    run = current_scores(scored_run(tmp_path / "b", both, others=real))
    reference = current_scores(scored_run(tmp_path / "a", both, others=real))
    for cells in reference.cells.values():
        for sample in list(cells)[SUBJECTS // 2 :]:
            del cells[sample]
    [change] = [each for each in compare_scores(reference, run)[0] if each.name == "insertion.ir"]
    assert change.left_out == SUBJECTS // 2 and not change.run_copies


def test_a_runs_own_scores_are_those_of_its_page(tmp_path: Path) -> None:
    """Also where subjects have different numbers of samples and the run has another seed."""
    scores = Dataset(scored_run(tmp_path / "a", base(), seed=7).dataset("scores"))
    run = current_scores(Workspace(tmp_path / "a"))
    for cells in run.cells.values():
        cells |= {f"{sample}-again": ("mug-0", 2 * value) for sample, (_, value) in list(cells.items())[:5]}
    rows = [
        {"benchmark": "insertion", "metric": name.split(".")[1], "system": system, "sample": sample}
        | {"subject": subject, "value": value}
        for (name, system), cells in run.cells.items()
        if not name.endswith(GAP)
        for sample, (subject, value) in cells.items()
    ]
    page = tabulate(rows, scores.manifest.params["seed"])
    [change] = [each for each in compare_scores(run, run)[0] if each.name == "insertion.ir"]
    assert change.reference == change.run == page.interval("insertion", "ir", "objectmate")


def test_scores_that_were_measured_otherwise_are_refused(tmp_path: Path) -> None:
    before = scored_run(tmp_path / "a", base())
    for name, changed, words in (
        ("b", {"spec": "t" * 64}, "insertion.reference_gap: measured differently (spec_digest), so values"),
        ("c", {"benchmark": "x" * 64}, "are from different benchmarks"),
    ):
        (against,) = found(before, scored_run(tmp_path / name, base(), **changed)).against
        [said] = why_not(against.refused)
        assert against.scores == [] and words in said


def test_each_score_that_was_asked_for_has_its_own_reason(tmp_path: Path) -> None:
    scores = base()
    before = scored_run(tmp_path / "a", scores)
    lacking = {name: scores[name] for name in scores if name not in ("second_ir", "dino")}
    comparison = found(before, scored_run(tmp_path / "b", lacking))
    for name in ("second_ir", "dino"):
        with pytest.raises(UserError, match=rf"--fail-on insertion.{name}: measured in \S+/a only"):
            worse(comparison, [f"insertion.{name}"])
    [said] = why_not(comparison.against[0].refused)
    assert said.count("insertion.") == 3  # and the gap, which comes of second_ir


def test_scores_of_an_earlier_run_are_not_compared(tmp_path: Path) -> None:
    before, after = (scored_run(tmp_path / name, base()) for name in "ab")
    after.params.write_text(after.params.read_text().replace("context_max: ", "context_max: 3.9  # "))
    comparison = found(before, after)
    (against,) = comparison.against
    for asked in ("scores", "insertion.ir"):
        with pytest.raises(UserError, match=f"--fail-on {asked}: tight has no score to compare: .* of its current run"):
            worse(comparison, [asked])
    assert against.scores == [] and "has no scores of its current run" in why_not(against.refused)[0]


@pytest.mark.parametrize(
    ("asked", "code"),
    [("insertion.ir", 1), ("insertion.dino", 0), ("gates", 0), ("datasets", 1), ("insertion.none", 2)],
)
def test_the_exit_code_says_what_was_asked_for(runs: Path, asked: str, code: int) -> None:
    result = called(runs, "--fail-on", asked)
    assert (result.exit_code if not isinstance(result.exception, UserError) else 2) == code, result.output
    assert ("Worse: " in result.output) == (code == 1)


def test_a_gate_that_no_longer_passes_is_worse(tmp_path: Path) -> None:
    scored_run(tmp_path / "plain", base())
    judge(scored_run(tmp_path / "tight", base()), verdict="undecided")
    result = called(tmp_path, "--fail-on", "gates")
    assert result.exit_code == 1
    assert "the gate model passes in the reference; here: undecided" in " ".join(result.output.split())
    assert called(tmp_path).exit_code == 0, "nothing was asked for"


def test_the_json_says_what_the_types_say(runs: Path, tmp_path: Path) -> None:
    called(runs, "--json", str(tmp_path / "c.json"), "--fail-on", "insertion.ir")
    document = json.loads((tmp_path / "c.json").read_text())
    jsonschema.validate(document, TypeAdapter(Comparison).json_schema())
    assert document["version"] == 1 and len(document["worse"]) == 1
    (against,) = document["against"]
    lost = next(score for score in against["scores"] if score["name"] == "insertion.ir")
    assert lost["verdict"] in ("worse", "perhaps worse") and lost["own_intervals_overlap"] is True
    assert {sample["benchmark"] for sample in against["samples"]} == {"insertion"}
    assert len(against["samples"]) == SUBJECTS


@pytest.fixture(scope="module")
def page(runs: Path) -> Path:
    """The page of the two runs, one of which has a hostile name."""
    hostile = runs / "<img src=x onerror=alert(1)>"
    (runs / "tight").rename(hostile)
    try:
        result = CliRunner().invoke(
            app, ["compare", *map(str, (runs / "plain", hostile, hostile)), "--output", str(runs / "c.html")]
        )
        assert result.exit_code == 0, result.output
    finally:
        hostile.rename(runs / "tight")
    return runs / "c.html"


def test_the_page_is_one_small_file(page: Path) -> None:
    text = page.read_text()
    assert len(text) < 5_000_000 and "<img src=x" not in text
    assert "Which run is better" in text and "3 runs compared" in text


def test_large_pictures_do_not_make_a_large_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise, which no format makes small: twelve samples of two pictures would be 1 MB."""
    budget = 200_000
    assert BUDGET * 4 / 3 < 4_500_000, "base64 makes pictures a third larger, and a page has 5 MB"
    monkeypatch.setattr("pipelines.compare.pictures.BUDGET", budget)
    folders = [str(scored_run(tmp_path / name, moved(base(), by), side=300).root) for by, name in enumerate("ab")]
    result = CliRunner().invoke(app, ["compare", *folders, "--output", str(tmp_path / "c.html")])
    text = (tmp_path / "c.html").read_text()
    assert result.exit_code == 0 and "data:image/webp" in text
    assert sum(map(len, re.findall(r"data:image/webp[^\"]+", text))) < budget * 4 / 3 + 1000
    assert "of 12 chosen samples are shown: the others would make the page too large" in text


def moved(scores: Values, by: float) -> Values:
    """Scores that differ from subject to subject, so that some are lost and some won."""
    return dict(scores) | {"second_ir": np.asarray(scores["second_ir"]) + by * np.linspace(-0.1, 0.1, SUBJECTS)}


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_the_page_works_in_a_browser(page: Path, visit: Visit, width: int) -> None:
    shown = visit(page, width=width)
    assert not faults(shown)
    slider = shown.locator("input[type=range]").first
    before = shown.locator(".pair img + img").first.evaluate("each => getComputedStyle(each).clipPath")
    slider.focus()
    slider.press("End")
    after = shown.locator(".pair img + img").first.evaluate("each => getComputedStyle(each).clipPath")
    assert before != after and "100%" in after


def test_a_past_commit_is_compared_from_dvcs_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = scored_run(tmp_path / "run", base())
    request = Request("full", workspace=run.root)
    request.identity(run.root).write(run)
    check_run(request).write()
    _commit([STEPS["evaluation"]], run)
    monkeypatch.chdir(run.root)
    git("init", "-q")
    git("add", "params.yaml", "dvc.lock")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "x")
    scored_run(run.root, base(1))
    result = CliRunner().invoke(app, ["compare", "HEAD", "."])
    assert result.exit_code == 0, result.output
    assert "first difference: samples" in result.output and "gate model: not judged, then pass" in result.output
    result = CliRunner().invoke(app, ["compare", "HEAD", "HEAD", "HEAD^0", "HEAD~0"])
    assert result.exit_code == 0 and result.output.count("every dataset that both have is the same") == 3, result.output
    shutil.rmtree(Path("..", "runs", ".cache", "files"))
    refused = (
        ("HEAD", "DVC's cache does not have data/"),
        ("nothing", "there is no run nothing"),
        ("x" * 300, "no run"),
    )
    for name, words in refused:
        with pytest.raises(UserError, match=words):
            CliRunner().invoke(app, ["compare", name, "."], catch_exceptions=False)


def git(*words: str) -> None:
    subprocess.run(["git", *words], check=True)
