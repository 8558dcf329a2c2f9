"""The benchmark of a whole run: what is counted, and which runs are no measure."""

import json
from pathlib import Path

import pytest
from rich.console import Console

from components.common.errors import StageFailed
from pipelines.bench import whole
from pipelines.bench.whole import Row
from pipelines.cli import bench_pipeline as command
from pipelines.cli.outputs import Outputs
from pipelines.engines.workspace import Workspace
from pipelines.steps import STEPS


def record(folder: str, name: str, seconds: float) -> None:
    path = Workspace(Path(folder) / "measured").record(STEPS[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"seconds": seconds}))


def test_a_run_is_compared_with_its_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def run(words: list[str], folder: str) -> float:
        if not commands:
            record(folder, "mining", 3.0)
            record(folder, "ingest", 5.0)
        commands.append(words[3:])
        return 10.0 if len(commands) == 1 else 0.5

    monkeypatch.setattr(whole, "_seconds", run)
    row = whole.bench("dataset", ["mining.min_views=4"])
    assert commands == [["run", "dataset", "--workspace", "measured", "--set", "mining.min_views=4"]] * 2
    assert (row.wall, row.again, row.ratio) == (10.0, 0.5, 10 / 8)
    assert list(row.stages.items()) == [("ingest", 5.0), ("mining", 3.0)]


def test_a_second_run_that_works_again_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(words: list[str], folder: str) -> float:
        record(folder, "ingest", 5.0)
        return 1.0

    monkeypatch.setattr(whole, "_seconds", run)
    stamps = iter([{"ingest": 1}, {"ingest": 2}])
    monkeypatch.setattr(whole, "_stamps", lambda _: next(stamps))
    with pytest.raises(StageFailed, match="the second run repeated ingest"):
        whole.bench("dataset", [])


def test_a_run_that_fails_is_no_measure() -> None:
    with pytest.raises(StageFailed, match="ended with exit code 2"):
        whole.bench("dataset", ["mining.min_view=4"])


@pytest.fixture
def row() -> Row:
    return Row("dataset", ["threads=1"], 2, 10.0, {"ingest": 5.0, "mining": 3.0}, 1.25, 0.5)


def test_the_command_prints_the_table(
    row: Row, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(whole, "bench", lambda *_: row)
    monkeypatch.setattr(command, "Terminal", lambda: Console(width=120))
    command.bench_pipeline("dataset", [], Outputs(tmp_path / "rows.json", tmp_path / "plot.png"))
    said = capsys.readouterr().out
    assert "1.25x" in said and "at most 1.15x: MISSED" in said and "at most 5 s: reached" in said
    assert "Settings: threads=1" in said
    assert (tmp_path / "plot.png").stat().st_size > 5_000 and json.loads((tmp_path / "rows.json").read_text())
