"""The quality table: intervals, bars, and the whole of it from the committed weights and photographs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.common.data.sandbox import WORLD
from components.sandbox.training.crops import read_split
from components.sandbox.verify import Row, bootstrap, retrieval_rows


def test_an_interval_resamples_whole_clusters() -> None:
    """Ten samples in two clusters that agree within: only three means are possible, however many samples there are."""
    values, clusters = np.array([0.0] * 5 + [1.0] * 5), ["a"] * 5 + ["b"] * 5
    seen: set[float] = set()

    def mean(rows: np.ndarray) -> float:
        seen.add(float(values[rows].mean()))
        return float(values[rows].mean())

    assert bootstrap(mean, clusters) == (0.5, 0.0, 1.0)
    assert seen == {0.0, 0.5, 1.0}


def test_a_value_passes_its_bar_or_has_none() -> None:
    assert Row("x", 0.9, 0.8, 1.0, 0.9).passed and Row("x", 0.1, 0.0, 0.2).passed
    assert not Row("x", 0.89, 0.8, 1.0, 0.9).passed


def test_retrieval_on_the_benchmark_alone() -> None:
    rows = {row.what: row for row in retrieval_rows([read_split(WORLD / "benchmark")])}
    assert all(
        0 <= row.low <= row.high <= 1 for row in rows.values() if "recall" in row.what and "lead" not in row.what
    )
    assert rows["ir: recall@1"].value > rows["dino: recall@1"].value


@pytest.mark.pipeline
def test_verify_measures_every_model_and_says_which_bar_is_missed(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    command = [sys.executable, "-m", "pipelines.cli.app", "sandbox", "verify", "--json", str(path)]
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = json.loads(path.read_text())
    assert {row["what"].split(":")[0] for row in rows} == {
        "detector", "ir", "second_ir", "clip", "dino", "remover", "captioner", "insertion", "generation"
    }  # fmt: skip
    assert all(np.isfinite([row["value"], row["low"], row["high"]]).all() for row in rows)
    assert finished.returncode == (0 if all(row["passed"] for row in rows) else 1), finished.stderr
    assert finished.stdout.count("MISSED") == sum(not row["passed"] for row in rows)
