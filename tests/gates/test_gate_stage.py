"""A checkpoint as the pipeline runs it: verdicts on disk, documents in the report, a stop where one is due."""

import json
from pathlib import Path
from typing import Any

import pytest
from folders import files_of
from gate_data import Make, object_row, photographs, verdicts

import components.gates.stage as stage
from components.common.data.reading import Dataset, is_complete
from components.common.errors import GateStop, UserError
from components.common.stage.contract import find_stage
from components.common.stage.params import validate
from components.common.stage.running import execute
from components.gates.params import Intake, Recurrence, Tuples, Vectors

VECTORS = {"min_effective_dimensions": 2}


def go(world: dict[str, Path], tmp_path: Path, checkpoint: str, params: dict[str, Any], name: str = "out") -> Path:
    roles = {"Intake": ("images", "quarantine"), "Vectors": ("images", "objects", "embeddings")}[checkpoint]
    out = tmp_path / name
    try:
        execute(
            find_stage("components.gates", f"gate_{checkpoint.lower()}"),
            params,
            {role: world[role] for role in roles},
            {"verdicts": out},
            tmp_path / f"{name}-report",
        )
    finally:
        assert is_complete(out)
    return out


def test_a_passing_checkpoint_leaves_verdicts_and_documents(world: dict[str, Path], tmp_path: Path) -> None:
    out = go(world, tmp_path, "Vectors", VECTORS)
    assert {gate: row["verdict"] for gate, row in verdicts(out).items()} == {"objects": "pass", "embeddings": "pass"}
    report = tmp_path / "out-report"
    metrics = json.loads((report / "metrics.json").read_text())
    assert (metrics["objects/pass"], metrics["objects/objects"], metrics["embeddings/pass"]) == (1, 12, 1)
    assert (report / "files" / "objects-rows.html").stat().st_size > 1000
    assert len(json.loads((report / "notes.json").read_text())) == 2


@pytest.fixture
def narrow(world: dict[str, Path], make: Make) -> dict[str, Path]:
    """The world with one box of 9 px, where detection promised 10."""
    images = Dataset(world["images"]).rows(["image_id"])
    rows = [object_row(k, image["image_id"]) for k, image in enumerate(images)]
    rows[0] |= {"w": 60.0, "h": 9.0}
    return world | {"objects": make("narrow", "objects", rows, blobs=[{"crop.png": b""}] * len(rows))}


def test_a_blocking_failure_stops_after_everything_is_stored(narrow: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(
        GateStop, match=r"objects gate fails: the shorter side of a box \(px\) is 9, at least 10"
    ) as stop:
        go(narrow, tmp_path, "Vectors", VECTORS)
    assert "Next: find the boxes" in str(stop.value)
    row = verdicts(tmp_path / "out")["objects"]
    assert (row["verdict"], row["blocking"], row["observed"], row["limit"]) == ("fail", True, 9, 10)
    results = json.loads((tmp_path / "out-report" / "files" / "objects-rows.json").read_text())
    assert results["success"] is False


def test_a_failure_that_does_not_block_goes_on_and_is_recorded(narrow: dict[str, Path], tmp_path: Path) -> None:
    row = verdicts(go(narrow, tmp_path, "Vectors", VECTORS | {"blocking": False}))["objects"]
    assert (row["verdict"], row["blocking"]) == ("fail", False)


@pytest.mark.parametrize(
    ("refused", "licence", "words"),
    [(2, "CC0-1.0", r"share of broken photographs is 0\.1429"), (0, None, "photographs without a licence is 12")],
)
def test_intake_stops(
    world: dict[str, Path], make: Make, tmp_path: Path, refused: int, licence: str | None, words: str
) -> None:
    rows, blobs = photographs(12)
    images = make("relicensed", "images", [row | {"licence": licence} for row in rows], blobs=blobs)
    lost = [{"uri": f"{i}.jpg", "stage": "ingest", "reason": "truncated", "detail": ""} for i in range(refused)]
    lost += [{"uri": f"row {i}", "stage": "ingest", "reason": "missing", "detail": ""} for i in range(9)]  # of labels
    inputs = world | {"images": images, "quarantine": make("lost", "quarantine", lost)}
    with pytest.raises(GateStop, match=words):
        go(inputs, tmp_path, "Intake", {})
    assert verdicts(go(inputs, tmp_path, "Intake", {"max_quarantined_share": 0.2, "require_licence": False}, "loose"))


def _report_files(folder: Path) -> dict[str, bytes]:
    """All that DVC tracks of a report."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "run.json"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_same_bytes_again_and_after_a_kill(
    world: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = files_of(go(world, tmp_path, "Vectors", VECTORS))
    again = files_of(go(world, tmp_path, "Vectors", VECTORS, "again"))
    reports = [_report_files(tmp_path / f"{name}-report") for name in ("out", "again")]
    assert reports[0] == reports[1] and any(name.endswith(".html") for name in reports[0])

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    inputs = {role: world[role] for role in ("images", "objects", "embeddings")}
    for where, name in ((stage.Writer, "write"), (stage.Writer, "_finish"), (stage, "judge")):
        with monkeypatch.context() as patch:
            patch.setattr(where, name, killed)
            with pytest.raises(KeyboardInterrupt):
                stage.run(inputs, {"verdicts": tmp_path / "killed"}, Vectors(**VECTORS))
        assert not is_complete(tmp_path / "killed")
    resumed = files_of(go(world, tmp_path, "Vectors", VECTORS, "killed"))
    assert whole == again == resumed


@pytest.mark.parametrize(
    ("cls", "values", "words"),
    [
        (Vectors, {"box_slack": 9}, "gates.vectors.box_slack = 9"),
        (Recurrence, {"expected_precision": 0.7}, r"must be at least min_precision \+ 0\.02"),
        (Tuples, {"ir": ""}, "models.ir = ''"),
        (Intake, {"max_share": 1}, "unknown parameter 'max_share'"),
    ],
)
def test_impossible_parameters_are_one_sentence(cls: Any, values: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        validate(cls, values, "params.yaml: gates")
