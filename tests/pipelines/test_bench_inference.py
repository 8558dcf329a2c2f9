"""Where a stage's seconds go, and the repetition of its model's calls alone."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch
from anchor_data import save_judge, write_datasets
from rich.console import Console

from components.common.errors import UserError
from pipelines.bench import inference
from pipelines.bench.clock import Clock
from pipelines.bench.inference import Row, bench
from pipelines.cli import bench_inference as command
from pipelines.cli.outputs import Outputs
from pipelines.engines.workspace import Workspace
from pipelines.parameters import render, resolve

PHOTOGRAPHS = 5


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Five small photographs with an object each, four of them anchors, and models of the sandbox."""
    place = Workspace(tmp_path_factory.mktemp("run"))
    write_datasets(place.root / "data")
    settings = {"threads": 1, "models.second_ir": str(save_judge(place.root / "judge")), "removal.kind": "residual"}
    place.params.write_text(render(resolve("sandbox", settings | {"captioning.kind": "category"})))
    return place


@pytest.fixture(scope="module")
def rows(workspace: Workspace) -> dict[str, Row]:
    return {row.stage: row for row in bench(workspace, ["detection", "removal"], 1)}


def test_every_call_of_the_models_is_repeated(rows: dict[str, Row]) -> None:
    assert rows["detection"].images == PHOTOGRAPHS and rows["detection"].calls == 1  # one batch
    assert rows["removal"].images == 4 and rows["removal"].calls == 4 + 2  # each anchor, and the judge twice


def test_shares_add_up_and_the_model_has_most_of_what_it_takes_alone(rows: dict[str, Row]) -> None:
    for row in rows.values():
        assert sum(row.shares.values()) == pytest.approx(1) and row.shares["rest"] >= 0
        assert row.shares["model"] > 0 and row.shares["writing"] > 0
        assert 0 < row.ratio == pytest.approx(row.bare_seconds / row.seconds)
        assert row.loading > 0
    assert rows["detection"].shares["waiting for threads"] > 0 and rows["removal"].shares["decoding"] > 0


def test_stages_are_left_as_they_were(rows: dict[str, Row]) -> None:
    from components.common.data.writing import Writer
    from components.removal import stage

    assert Writer.write.__name__ == "write" and stage.load_remover.__name__ == "load_remover"


def test_the_command_prints_the_table(
    rows: dict[str, Row], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inference, "bench", lambda *_: list(rows.values()))
    monkeypatch.setattr(command, "Terminal", lambda: Console(width=120))
    command.bench_inference(tmp_path, [], 1, Outputs(tmp_path / "rows.json", tmp_path / "plot.png"))
    said = capsys.readouterr().out
    assert "detection" in said and "waiting for threads" in said and "bare model" in said
    assert (tmp_path / "plot.png").stat().st_size > 5_000 and '"calls": 6' in (tmp_path / "rows.json").read_text()


@pytest.mark.parametrize(
    ("stages", "rounds", "sentence"),
    [
        (["mining"], 1, "has no stage 'mining': choose one of detection"),
        ([], 0, "--rounds of at least 1"),
        (["captioning"], 1, "captioning has no network"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    stages: list[str], rounds: int, sentence: str, workspace: Workspace
) -> None:
    with pytest.raises(UserError, match=sentence):
        bench(workspace, stages, rounds)


def test_time_within_a_part_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter([0.0, 1.0, 3.0, 7.0])
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    inner = clock.timed(lambda: "made", "inner", record=True)
    seen: list[Any] = []
    clock.timed(inner, "outer", seen=seen.append)()
    assert clock.seconds == {"inner": 2.0, "outer": 5.0} and seen == ["made"]
    assert [(function(), arguments) for function, arguments, _ in clock.calls] == [("made", ())]


def test_the_model_is_repeated_without_gradients() -> None:
    layer, clock = torch.nn.Linear(2, 2), Clock()
    clock.watch(layer, "forward", "model", record=True)
    layer(torch.ones(1, 2))
    made: list[torch.Tensor] = []
    function, arguments, named = clock.calls[0]
    inference._repeat([(lambda *a, **k: made.append(function(*a, **k)), arguments, named)], torch.device("cpu"))
    assert not made[0].requires_grad and torch.equal(made[0], layer(torch.ones(1, 2)))
