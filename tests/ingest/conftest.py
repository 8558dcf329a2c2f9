"""The ingest stage, called on a folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ingest_data import Ingested

from components.common.data.reading import Dataset
from components.ingest.params import Params
from components.ingest.stage import run

ROLES = ("images", "quarantine", "subjects", "rights")


@pytest.fixture
def ingest(tmp_path: Path) -> Callable[..., Ingested]:
    """Runs the stage into tmp_path/NAME and opens what it made."""

    def call(images: object, name: str = "out", **params: object) -> Ingested:
        outputs = {role: tmp_path / name / role for role in ROLES}
        report = run({}, outputs, Params.model_validate({"images": str(images), "min_side": 16, **params}))
        return report, {role: Dataset(folder) for role, folder in outputs.items()}

    return call
