"""The committed base models, which draw in a tenth of a second, and a reference."""

from pathlib import Path

import pytest

from components.common.data.sandbox import WORLD
from components.inference.model import TrainedModel
from components.inference.sources import Reference


@pytest.fixture(scope="session")
def inserting() -> TrainedModel:
    return TrainedModel.load("sandbox:base_insertion", "cpu")


@pytest.fixture(scope="session")
def generating() -> TrainedModel:
    return TrainedModel.load("sandbox:base_generation", "cpu")


@pytest.fixture(scope="session")
def photograph() -> Path:
    return WORLD / "benchmark/images/00000.jpg"


@pytest.fixture
def reference(photograph: Path) -> Reference:
    return Reference(photograph, (47, 42, 59, 59))
