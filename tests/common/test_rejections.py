"""Rejects are of a closed vocabulary, and counted by what they are about."""

from pathlib import Path

import pytest

from components.common.data.reading import Dataset
from components.common.data.rejections import BOX, OBJECT, by_reason, rejection
from components.common.data.writing import Writer
from components.common.stage.params import StageParams


def test_only_a_rule_of_its_stage_rejects() -> None:
    assert rejection("mining", OBJECT, "o", None, "no-partner")["detail"] == ""
    with pytest.raises(ValueError, match="no-box is not a reason for which mining rejects"):
        rejection("mining", OBJECT, "o", None, "no-box")


def test_reasons_are_counted_for_one_kind_of_thing(tmp_path: Path) -> None:
    boxes = [rejection("detection", BOX, f"{n}", "a", reason) for n, reason in enumerate(("small", "crowd", "small"))]
    with Writer(tmp_path / "rejects", "rejects", "detection", {}, StageParams()) as out:
        out.write(0, [*boxes, rejection("detection", "photograph", "a", "a", "no-box-kept")])
    assert by_reason(Dataset(tmp_path / "rejects"), BOX) == {"small": 2, "crowd": 1}
    assert by_reason(Dataset(tmp_path / "rejects"), OBJECT) == {}
