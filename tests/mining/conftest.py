"""A corpus of eight products in five photographs each, and photographs of objects that never recur."""

from pathlib import Path

import pytest
from mining_data import Made, make_corpus

from components.common.datasets import Writer
from components.mining import calibration
from components.mining.params import Calibration

PRODUCTS, VIEWS, LONERS = 8, 5, 10


def shown() -> list[list[str]]:
    """Which products each photograph shows: every third one also shows a loner."""
    photographs = [[f"mug-{p}" if p % 2 else f"can-{p}"] for _ in range(VIEWS) for p in range(PRODUCTS)]
    for index in range(0, len(photographs), 3):
        photographs[index].append(f"loner-{index}")
    return photographs + [[f"loner-{1000 + index}"] for index in range(LONERS)]


@pytest.fixture(scope="session")
def corpus_paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """images, objects, embeddings, subjects and a calibration made from them."""
    folder = tmp_path_factory.mktemp("corpus")
    paths = make_corpus(folder, shown())
    outputs = {"calibration": folder / "calibration", "labels": folder / "labels"}
    calibration.run(paths, outputs, Calibration(min_labels=20, loosest=0.3))
    return paths | outputs


@pytest.fixture
def fixed_window(tmp_path: Path) -> Path:
    """A calibration dataset that an explicit window never looks into."""
    folder = tmp_path / "calibration"
    with Writer(folder, "calibration", "calibration", {}, Made()) as out:
        out.write(0, [])
    return folder
