"""The detection stage, called on an images dataset."""

from collections.abc import Callable
from pathlib import Path

import pytest
from detection_data import OPEN, outputs

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.detection.params import Params
from components.detection.stage import run


@pytest.fixture
def detect(tmp_path: Path) -> Callable[..., tuple[Report, Dataset]]:
    """Runs the stage into tmp_path/NAME, keeping every box unless told otherwise, and opens what it made."""

    def call(images: Path, name: str = "objects", **params: object) -> tuple[Report, Dataset]:
        report = run({"images": images}, outputs(tmp_path / name), Params.model_validate(OPEN | params))
        return report, Dataset(tmp_path / name)

    return call
