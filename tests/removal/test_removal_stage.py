"""The removal stage: what it writes, that it is repeatable, and that a kill loses nothing."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from anchor_data import BOX, outputs, photograph, write_datasets
from folders import files_of, killed_at_call
from in_shares import run_in_shares
from PIL import Image

from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.vision.encoders import Framing
from components.common.vision.geometry import Box, crop
from components.common.vision.images import stored_picture
from components.removal import stage
from components.removal.params import Params


def _params(judge: Path, **values: Any) -> Params:
    return Params(kind="opencv", second_ir=str(judge), size=64, part_rows=2, **values)


def _run(inputs: dict[str, Path], out: Path, params: Params) -> Any:
    return stage.run(inputs, outputs("backgrounds", out), params)


def test_every_anchor_gets_a_plate_of_its_photograph(inputs: dict[str, Path], judge: Path, tmp_path: Path):
    report = _run(inputs, tmp_path / "out", _params(judge))
    plates = Dataset(tmp_path / "out")
    rows = plates.rows()
    assert [row["row"] for row in rows] == [0, 1, 2, 3]
    assert report.metrics["plates"] == 4
    for row in rows:
        plate, mask = (Image.open(io.BytesIO(plates.blob(row, name))) for name in ("image", "mask"))
        assert plate.size == mask.size == (64, 64)
        assert (mask.mode, set(np.unique(np.asarray(mask)))) == ("L", {0, 255})
        assert 0 <= row["residual"] <= 1 and row["outside_change"] == 0
    assert sum(bin_["plates"] for bin_ in report.plots["residual"]) == 4
    assert report.figures["plates"].width > 0


def test_the_residual_is_one_if_nothing_was_removed(judge: Path):
    encoder = stage.load_encoder(str(judge))
    assert stage.residuals(encoder, [photograph(0)], [photograph(0)]) == [1.0]
    assert stage.residuals(encoder, [], []) == []


@pytest.mark.parametrize("framing", ["pad", "squash"])
def test_the_judge_sees_crops_in_the_framing_of_all_comparisons(
    inputs: dict[str, Path], judge: Path, tmp_path: Path, framing: Framing
):
    _run(inputs, tmp_path / "out", _params(judge, framing=framing))
    plates, photographs, box = Dataset(tmp_path / "out"), Dataset(inputs["images"]), Box(*BOX)
    sides = [(photographs, photographs.rows()[:4]), (plates, plates.rows())]
    before, after = ([crop(stored_picture(data, row, "image"), box) for row in rows] for data, rows in sides)
    encoder = stage.load_encoder(str(judge), framing=framing)
    residuals = [row["residual"] for row in plates.rows()]
    assert residuals == pytest.approx(stage.residuals(encoder, before, after), abs=1e-4)


def test_two_runs_and_a_killed_and_resumed_one_are_byte_identical(
    inputs: dict[str, Path], judge: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    params = _params(judge)
    whole, again, killed = (tmp_path / name for name in ("whole", "again", "killed"))
    _run(inputs, whole, params)
    _run(inputs, again, params)
    with killed_at_call(1, stage, "_part") as calls:
        with pytest.raises(KeyboardInterrupt):
            _run(inputs, killed, params)
        with pytest.raises(UserError, match="no finished dataset"):
            Dataset(killed)
        _run(inputs, killed, params)
    assert len(calls) == 3  # the first part was not made again
    assert files_of(whole) == files_of(again) == files_of(killed)


def test_a_broken_photograph_is_counted_and_stops_nothing(judge: Path, tmp_path: Path):
    inputs = write_datasets(tmp_path / "data", broken=(0, 1))  # the whole first part
    report = _run(inputs, tmp_path / "out", _params(judge))
    assert [row["row"] for row in Dataset(tmp_path / "out").rows()] == [2, 3]
    assert report.metrics["undecodable"] == 2
    assert "2 anchors have no plate: the photograph cannot be decoded" in report.notes[0]
    rejects = Dataset(outputs("", tmp_path / "out")["rejects"]).rows(["stage", "subject", "key", "reason"])
    expected = {"stage": "removal", "subject": "set", "reason": "undecodable"}
    assert rejects == [expected | {"key": f"object-{row}"} for row in (0, 1)]


def test_an_object_that_fills_its_photograph_gets_no_plate(inputs: dict[str, Path], judge: Path, tmp_path: Path):
    # The window is the whole photograph of 64 px, and the erased rectangle 31 x 36 px of it.
    share = 31 * 36 / 64**2
    for most, plates in ((share + 0.01, 4), (share - 0.01, 0)):
        report = _run(inputs, tmp_path / str(plates), _params(judge, max_erased=most))
        assert report.metrics["plates"] == plates and report.metrics["no-surroundings"] == 4 - plates
        assert ("without_a_plate" in report.figures) == (plates == 0)
    assert "4 anchors have no plate: the object fills its photograph" in report.notes[0]


def test_no_anchors_make_an_empty_dataset(judge: Path, tmp_path: Path):
    inputs = write_datasets(tmp_path / "data", count=1)
    report = _run(inputs, tmp_path / "out", _params(judge))
    assert len(Dataset(tmp_path / "out")) == 0 and report.metrics["plates"] == 0


def test_two_workers_make_what_one_makes(inputs: dict[str, Path], judge: Path, tmp_path: Path):
    _run(inputs, tmp_path / "whole", _params(judge))
    run_in_shares(stage.run, inputs, outputs("backgrounds", tmp_path / "gathered"), _params(judge), workers=2)
    assert files_of(tmp_path / "gathered") == files_of(tmp_path / "whole")
    assert files_of(tmp_path / "gathered-rejects") == files_of(tmp_path / "whole-rejects")
