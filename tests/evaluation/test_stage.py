"""The whole stage with real tiny models: what it writes; it repeats, resumes and explains itself."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.systems import SYSTEMS
from components.evaluation import parts
from components.evaluation.params import Params
from components.evaluation.stage import run


def outputs(folder: Path) -> dict[str, Path]:
    return {"scores": folder / "scores", "samples": folder / "samples"}


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, models, benchmark_folder, encoder_folders):
    """One run of the stage: its parameters, folder and report."""
    folder = tmp_path_factory.mktemp("run")
    params = Params(benchmark=str(benchmark_folder), cell=24, steps=2, batch=5, limit=7, generation_crop=0.7,
                    **encoder_folders)  # fmt: skip
    return params, folder, run(models, outputs(folder), params)


def test_every_system_has_every_score_of_every_sample(finished) -> None:
    _, folder, report = finished
    scores, samples = Dataset(folder / "scores"), Dataset(folder / "samples")
    assert len(samples) == 5 * 7 + 3 * 3
    assert len(scores) == 5 * 7 * 8 + 3 * 3 * 7 + (7 + 3) * 6  # real photographs: no errors, no prompt
    rows = scores.rows()
    assert {row["system"] for row in rows if row["benchmark"] == "insertion"} == set(SYSTEMS)
    assert all(np.isfinite(row["value"]) for row in rows)
    assert {row["spec_digest"] for row in rows} == set(scores.facts["specs"])
    for system in SYSTEMS:
        own = [r["value"] for r in rows if (r["benchmark"], r["metric"], r["system"]) == ("insertion", "ir", system)]
        assert report.metrics[f"insertion.ir.{system}"] == pytest.approx(np.mean(own))
    assert {"insertion.reference_gap.ir.low", "insertion.view_gain.dino", "generation.clip_t.objectmate"} <= set(
        report.metrics
    )


def test_the_report_can_be_looked_at_and_saved(finished, tmp_path: Path) -> None:
    _, _, report = finished
    report.save(tmp_path)
    assert set(report.figures) == {"insertion_samples", "generation_samples"}
    assert report.figures["insertion_samples"].width > 900
    assert set(report.plots) == {f"{b}_{p}" for b in ("insertion", "generation")
                                 for p in ("scores", "differences")}  # fmt: skip


def test_a_second_run_gives_the_same_bytes(finished, models, tmp_path: Path) -> None:
    params, folder, report = finished
    again = run(models, outputs(tmp_path), params)
    assert content(folder) == content(tmp_path)
    assert again.metrics == report.metrics and again.notes == report.notes


@pytest.mark.parametrize("dataset", ["samples", "scores"])
@pytest.mark.parametrize("last_part", [0, 3])
def test_a_killed_run_resumes_to_the_same_bytes(
    finished, models, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, last_part: int
) -> None:
    params, folder, _ = finished
    write = Writer.write

    def killed(self, index, *args, **options):
        if self.kind == dataset and index > last_part:
            raise KeyboardInterrupt
        return write(self, index, *args, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Writer, "write", killed)
        run(models, outputs(tmp_path), params)
    drawn: list[str] = []
    original = parts._drawn
    monkeypatch.setattr(parts, "_drawn", lambda part, batch: drawn.append(part.system) or original(part, batch))
    run(models, outputs(tmp_path), params)
    assert content(folder) == content(tmp_path)
    assert len(drawn) == (8 - last_part - 1 if dataset == "samples" else 0)


def test_an_outside_folder_whose_pictures_change_is_scored_again(finished, models, tmp_path: Path) -> None:
    params, _, _ = finished
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    changed = params.model_copy(update={"outside": {"theirs": str(theirs)}})
    picture = theirs / "red-disc-0.png"
    digests = []
    for colour in ("red", "blue"):
        Image.new("RGB", (24, 24), colour).save(picture)
        run(models, outputs(tmp_path / "run"), changed)
        digests.append(Dataset(tmp_path / "run" / "scores").digest)
    assert digests[0] != digests[1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"benchmark": "sandbox:nowhere"}, "there is nothing at"),
        ({"second_ir": "/nowhere/at/all"}, "there is no model folder"),
        ({"clip": "owner/model"}, "no pinned revision"),
        ({"outside": {"x": "/nowhere"}}, "which is not a folder"),
    ],
)
def test_what_is_missing_is_one_sentence(finished, models, tmp_path: Path, change: dict, words: str) -> None:
    params, _, _ = finished
    with pytest.raises(UserError, match=words):
        run(models, outputs(tmp_path), params.model_copy(update=change))


def test_places_are_judged_by_identity_and_by_what_changed_around_them(
    finished, models, benchmark_folder: Path, tmp_path: Path
) -> None:
    """Placement and generation only: no photograph has a plate, and two subjects have a place each."""
    params, _, _ = finished
    folder = tmp_path / "places"
    shutil.copytree(benchmark_folder, folder)
    coco = json.loads((folder / "annotations.json").read_text())
    for entry in coco["annotations"]:
        entry["plate"] = None
    for key, subject in ((1, "blue-disc"), (5, "red-disc")):
        coco["annotations"].append({"image_id": key, "bbox": [30, 30, 12, 20], "design": subject, "absent": True})
    (folder / "annotations.json").write_text(json.dumps(coco))
    report = run(models, outputs(tmp_path), params.model_copy(update={"benchmark": str(folder)}))
    scores = Dataset(tmp_path / "scores")
    placed = [row for row in scores.rows() if row["benchmark"] == "placement"]
    assert {row["benchmark"] for row in scores.rows()} == {"placement", "generation"}
    assert {row["sample"] for row in placed} == {"blue-disc-place0", "red-disc-place0"}
    assert {row["metric"] for row in placed} == {
        "clip_i", "dino", "ir", "second_ir", "top1_ir", "top1_second_ir", "background_error"
    }  # fmt: skip
    assert {row["system"] for row in placed} == set(SYSTEMS)
    untouched = [row for row in placed if (row["metric"], row["system"]) == ("background_error", "clean-plate")]
    assert [row["value"] for row in untouched] == [0, 0]
    assert {row["spec_digest"] for row in scores.rows()} == set(scores.facts["specs"])
    assert set(report.figures) == {"placement_samples", "generation_samples"}
    assert "placement.reference_gap.second_ir" in report.metrics


def test_one_subject_alone_is_one_sentence(finished, models, benchmark_folder: Path, tmp_path: Path) -> None:
    params, _, _ = finished
    folder = tmp_path / "alone"
    shutil.copytree(benchmark_folder, folder)
    coco = json.loads((folder / "annotations.json").read_text())
    for entry in coco["annotations"]:
        entry["plate"] = entry["plate"] if entry["design"] == "red-disc" else None
    (folder / "annotations.json").write_text(json.dumps(coco))
    with pytest.raises(UserError, match="insertion has samples of red-disc only"):
        run(models, outputs(tmp_path), params.model_copy(update={"benchmark": str(folder)}))


def test_swapped_models_are_refused(finished, models, tmp_path: Path) -> None:
    params, _, _ = finished
    swapped = {"insertion": models["generation"], "generation": models["insertion"]}
    with pytest.raises(UserError, match="was not trained for insertion"):
        run(swapped, outputs(tmp_path), params)
