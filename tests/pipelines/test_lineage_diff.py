"""`objectmate lineage diff` on planted changes: it names the first dataset that differs, and the cause."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from lineage_data import Made, make_row, make_run
from typer.testing import CliRunner

from components.common.data.digests import digest_value
from components.common.data.schemas import SCHEMAS
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from pipelines.cli.lineage_check import commands
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.causes import UNEXPLAINED
from pipelines.lineage.diff.diff import Diff, diff
from pipelines.steps import STEPS

IMAGES = [make_row("images", number, "", STEPS["ingest"]) for number in range(4)]
REFUSED = {"uri": "uri-3", "stage": "ingest", "reason": "truncated", "detail": "ends early"}
OTHER = digest_value("other")
PLANTS: dict[str, tuple[Made, str, str]] = {
    "a parameter": (
        Made(params={"mining.hub_pairs": 7}, contents={"pairs": "x"}),
        *("pairs", "parameter mining.hub_pairs: 100 became 7"),
    ),
    "a photograph": (
        Made(models={"ingest": {"photographs": OTHER}}, rows={"images": IMAGES[:3], "quarantine": [REFUSED]}),
        *("images", f"input photographs: {digest_value('photographs')[:12]} became {OTHER[:12]}"),
    ),
    "weights": (
        Made(models={"detection": {"detector": OTHER}}, contents={"objects": "x"}),
        *("objects", f"weights detector: {digest_value('detector')[:12]} became {OTHER[:12]}"),
    ),
    "a library": (
        Made(machine={"captioning": {"versions": {"numpy": "2.1"}}}, contents={"captions": "x"}),
        *("captions", "library numpy: 2.0 became 2.1"),
    ),
    "the code of one stage": (
        Made(code={"assembly": OTHER}, contents={"tuples": "x"}),
        *("tuples", "code of components/assembly or components/common"),
    ),
    "a label": (
        Made(models={"ingest": {"labels": OTHER}}, contents={"subjects": "x"}),
        *("subjects", f"input labels: {digest_value('labels')[:12]} became {OTHER[:12]}"),
    ),
    "a verdict": (
        Made(models={"judgement": {"verdicts": OTHER}}, contents={"judgements": "x"}),
        *("judgements", f"input verdicts: {digest_value('verdicts')[:12]} became {OTHER[:12]}"),
    ),
    "the window": (
        Made(params={"calibration.low": 0.91}, contents={"calibration": "x"}),
        *("calibration", "parameter calibration.low: 0.93 became 0.91"),
    ),
    "the number of threads": (
        Made(params={"threads": 1}, contents={"backgrounds": "x"}),
        *("backgrounds", "threads of the networks: cpu, 2 threads became cpu, 1 threads"),
    ),
    "the processor": (
        Made(machine={"encoding": {"processor": "Q"}}, contents={"latents": "x"}),
        *("latents", "processor: P became Q"),
    ),
    "nothing on record": (Made(contents={"scores": "x"}), "scores", "non-determinism (inputs, parameters, weights"),
}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make_run(tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def found(plain: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Diff]:
    """Plant -> what the run with it differs in from the plain one."""
    runs = {name: make_run(tmp_path_factory.mktemp("run"), made) for name, (made, _, _) in PLANTS.items()}
    return {name: diff(plain, run) for name, run in runs.items()}


def told(*words: str) -> str:
    result = CliRunner().invoke(commands, ["diff", *words])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("plant", PLANTS)
def test_the_first_dataset_and_the_cause_are_named(found: dict[str, Diff], plant: str) -> None:
    _, first, cause = PLANTS[plant]
    assert found[plant].first == first
    assert str(found[plant].causes[0]).startswith(cause)
    assert found[plant].changed[0].name == first


def test_two_runs_that_differ_in_nothing_have_no_difference(plain: Workspace, tmp_path: Path) -> None:
    equal = make_run(tmp_path / "equal")
    assert diff(plain, equal) == Diff("", [], [], {}, {}, {})
    assert "no dataset differs" in told(str(plain.root), str(equal.root))


def test_what_changed_no_content_is_told_as_such(plain: Workspace, tmp_path: Path) -> None:
    made = diff(plain, make_run(tmp_path / "run", Made(params={"mining.hub_pairs": 7})))
    assert made.first == ""
    assert {name: [str(cause) for cause in causes] for name, causes in made.otherwise.items()} == {
        name: ["parameter mining.hub_pairs: 100 became 7"] for name in ("pairs", "sets", "mining_rejects")
    }


def test_a_removed_photograph_is_named_with_the_reason_on_record(found: dict[str, Diff]) -> None:
    images, quarantine = (changed.rows for changed in found["a photograph"].changed[:2])
    assert (images.before, images.after, images.added, images.removed, images.changed) == (4, 3, 0, 1, 0)
    assert [(row.what, row.key, row.reason) for row in images.listed] == [
        ("removed", {"uri": "uri-3"}, "truncated: ends early")
    ]
    assert (quarantine.added, quarantine.removed) == (1, 4)


def test_rows_facts_and_metrics_that_moved_are_listed(found: dict[str, Diff]) -> None:
    objects = found["weights"].changed[0]
    assert objects.rows.changed == 4 and objects.rows.columns == {"category": 4, "bytes of crop": 4}
    assert objects.rows.listed[0].values["category"] == ("category-0", "category-0x")
    assert found["weights"].metrics == {"detection": {"score": (0.5, 1.5)}}
    assert found["the window"].changed[0].facts == {"low": (0.9, 0.91)}


def test_rows_are_found_by_what_they_are_and_not_by_where_they_lie(plain: Workspace, tmp_path: Path) -> None:
    objects = [make_row("objects", number, "", STEPS["detection"]) for number in reversed(range(4))]
    captions = [make_row("captions", number, "", STEPS["captioning"]) | {"row": 3 - number} for number in range(4)]
    made = diff(plain, make_run(tmp_path / "run", Made(rows={"objects": objects, "captions": captions})))
    rows = {changed.name: changed.rows for changed in made.changed}
    assert (rows["captions"].added, rows["captions"].removed, rows["captions"].changed) == (0, 0, 0)
    assert rows["objects"].columns == {"bytes of crop": 4}


def test_a_statement_about_rights_that_changed_is_the_same_statement(plain: Workspace, tmp_path: Path) -> None:
    said = [make_row("rights", number, "", STEPS["ingest"]) | {"value": "noai"} for number in range(4)]
    made = diff(plain, make_run(tmp_path / "run", Made(rows={"rights": said})))
    rows = next(changed for changed in made.changed if changed.name == "rights").rows
    assert (rows.added, rows.removed, rows.columns) == (0, 0, {"value": 4})


def test_a_row_that_lost_its_photograph_says_so(plain: Workspace, tmp_path: Path) -> None:
    objects = [make_row("objects", number, "", STEPS["detection"]) for number in range(3)]
    made = diff(plain, make_run(tmp_path / "run", Made(rows={"images": IMAGES[:3], "objects": objects})))
    (row,) = next(each for each in made.changed if each.name == "objects").rows.listed
    assert (row.what, row.key) == ("removed", {"object_id": "object_id-3"})
    assert row.reason == "its photograph image_id-3 is not there"


def test_reasons_come_from_datasets_of_rejects(plain: Workspace, tmp_path: Path) -> None:
    objects = [make_row("objects", number, "", STEPS["detection"]) for number in range(3)]
    run = make_run(tmp_path / "run", Made(rows={"objects": objects}))
    with pytest.MonkeyPatch.context() as patch:
        columns = [pa.field(name, pa.string()) for name in ("stage", "key", "reason", "detail")]
        patch.setitem(SCHEMAS, "rejects", pa.schema(columns))
        with Writer(run.dataset("rejected"), "rejects", "detection", {}, StageParams()) as out:
            out.write(0, [{"stage": "detection", "key": "object_id-3", "reason": "overlap", "detail": "with another"}])
        (row,) = next(each for each in diff(plain, run).changed if each.name == "objects").rows.listed
    assert row.reason == "overlap: with another"


def test_what_both_runs_refuse_explains_no_difference(plain: Workspace, tmp_path: Path) -> None:
    """A tuple names many photographs and objects; that a stage refused one of them in both runs says nothing of it."""
    refused = [REFUSED | {"uri": "uri-3"}]
    before = make_run(tmp_path / "before", Made(rows={"quarantine": refused}))
    after = make_run(tmp_path / "after", Made(rows={"quarantine": refused, "images": IMAGES[:3]}))
    (row,) = next(each for each in diff(before, after).changed if each.name == "images").rows.listed
    assert (row.what, row.reason) == ("removed", "")


def test_a_library_that_one_process_did_not_load_is_no_difference(plain: Workspace, tmp_path: Path) -> None:
    def run(name: str, sets: dict[str, str], **threads: int) -> Workspace:
        machine = {"instruction_sets": sets, "threads": {"cores": 2} | threads}
        return make_run(tmp_path / name, Made(machine={"encoding": machine}, contents={"latents": name}))

    loaded, other = run("loaded", {"torch": "AVX512"}, torch=2), run("other", {"torch": "AVX2"}, torch=4)
    assert diff(plain, loaded).causes == [UNEXPLAINED]
    assert [str(cause) for cause in diff(loaded, other).causes] == [
        "processor instruction set of torch: AVX512 became AVX2", "threads of torch: 2 became 4"
    ]  # fmt: skip


def test_the_command_shows_a_tree_and_json(plain: Workspace, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", PLANTS["weights"][0])
    tree = told(str(plain.root), str(run.root))
    for line in ("first dataset that differs: objects", "cause: weights detector: ", "metrics of detection"):
        assert line in tree
    document: dict[str, Any] = json.loads(told(str(plain.root), str(run.root), "--json"))
    assert document["first"] == "objects" and document["causes"][0]["kind"] == "weights"
    assert document["changed"][0]["rows"]["columns"] == {"category": 4, "bytes of crop": 4}


def test_a_folder_without_a_run_is_refused(plain: Workspace, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished dataset"):
        diff(plain, Workspace(tmp_path))
