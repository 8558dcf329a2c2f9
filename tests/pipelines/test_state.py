"""What belongs to the current run, and what is only left over from an earlier one."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from workspace_data import VERDICT, make_step, make_workspace

from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import GateStop, StageFailed
from components.common.stage.report import Report
from components.gates.checks import RUN
from pipelines import kubeflow
from pipelines.engines import local as engines
from pipelines.engines import run
from pipelines.engines.request import Request
from pipelines.engines.state import current_steps, stops, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step, render, resolve
from pipelines.steps import STEPS, Step


def names(workspace: Workspace) -> list[str]:
    return [step.name for step in current_steps(workspace)]


def change(workspace: Workspace, **overrides: object) -> None:
    workspace.params.write_text(render(resolve("sandbox", overrides)))


def until(last: str) -> list[str]:
    return list(STEPS)[: list(STEPS).index(last) + 1]


def test_what_was_made_from_other_parameters_is_not_this_runs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    assert names(workspace) == list(STEPS)
    change(workspace, **{"mining.hub_pairs": 7})
    assert names(workspace) == until("calibration")
    assert len(verdicts(workspace)) == 2
    make_step(workspace, STEPS["mining"])
    assert names(workspace) == list(STEPS), "the new pairs are equal to the old ones"


def test_what_was_made_from_other_inputs_is_not_this_runs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    step = STEPS["detection"]
    params, folder = read_step(workspace.params, step), workspace.dataset("objects")
    with Writer(folder, "verdicts", step.name, workspace.inputs(step), params) as out:
        out.write(0, [VERDICT])
    assert names(workspace) == until("detection")


def test_what_comes_after_a_gate_that_stops_is_not_this_runs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    change(workspace, **{"gates.recurrence.max_sample": 300})
    make_step(workspace, STEPS["gate_recurrence"], verdict="fail")
    assert names(workspace) == until("gate_recurrence")
    assert [row["stops"] for row in verdicts(workspace)] == [False, False, True]
    change(workspace, **{"gates.recurrence.blocking": False})
    make_step(workspace, STEPS["gate_recurrence"], verdict="fail", blocking=False)
    assert names(workspace) == list(STEPS)


def test_a_gate_of_any_name_stops_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path)
    step = Step(replace(STEPS["gate_intake"].stage, named="entrance"), named={"verdicts": "entrance"})
    monkeypatch.setitem(STEPS, "entrance", step)
    make_step(workspace, step, verdict="fail")
    assert stops(workspace, "entrance") and not stops(workspace, "no_step")
    assert verdicts(workspace)[-1]["stage"] == "entrance"


def test_a_next_step_names_the_runs_folder(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    commands = f"run `objectmate review {RUN}` or `objectmate label {RUN}`"
    make_step(workspace, STEPS["gate_model"], verdict="undecided", next_step=commands)
    assert (
        verdicts(workspace)[-1]["next_step"] == f"run `objectmate review {tmp_path}` or `objectmate label {tmp_path}`"
    )


def test_a_report_without_a_finished_dataset_is_not_this_runs(tmp_path: Path) -> None:
    workspace = make_workspace(tmp_path)
    shutil.rmtree(workspace.dataset("captions"))
    assert names(workspace) == until("removal")


def test_a_stopped_run_is_tracked_without_the_earlier_runs_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    workspace = make_workspace(tmp_path / "w")
    make_step(workspace, STEPS["mining"], Report({"yield_sets": 0.25, "pairs": 3.0}))
    make_step(workspace, STEPS["gate_recurrence"], verdict="fail")
    outputs = [{"path": f"data/{name}", "md5": "0" * 32 + ".dir"} for name in ("sets", "gate_recurrence")]
    lock = {"stages": {name: {"outs": [out]} for name, out in zip(("mining", "gate_recurrence"), outputs, strict=True)}}
    (workspace.root / "dvc.lock").write_text(yaml.safe_dump(lock))
    request = Request("full", workspace=workspace.root, overrides=["mining.hub_pairs=7"])
    run._publish(workspace, request, ["gate_recurrence"], stopped=True)
    import mlflow

    runs = mlflow.search_runs(experiment_names=["objectmate"], output_format="list")
    nested = {r.data.tags["stage"]: r for r in runs if "mlflow.parentRunId" in r.data.tags}
    assert set(nested) == set(until("gate_recurrence"))
    parent = next(r for r in runs if "mlflow.parentRunId" not in r.data.tags)
    assert parent.info.start_time == nested["gate_recurrence"].info.start_time
    assert parent.data.tags["mlflow.user"]
    failed = {r.data.tags.get("stage", "parent") for r in runs if r.info.status == "FAILED"}
    assert failed == {"parent", "gate_recurrence"}
    assert {r.info.status for r in runs} == {"FAILED", "FINISHED"}
    photographs = {"images": "sandbox:corpus", "labels": "sandbox:corpus/labels.csv"}
    settings = {"profile": "sandbox", "engine": "dvc", "mining.hub_pairs": "7"}
    assert parent.data.params == photographs | settings
    assert parent.data.metrics == {"images": 0, "objects": 0, "sets": 0}  # no scores of an earlier run
    assert nested["mining"].data.tags["reused"] == "true"
    logged = {item.dataset.name: item for item in nested["gate_recurrence"].inputs.dataset_inputs}
    for name in ("sets", "gate_recurrence"):
        assert logged[name].dataset.digest == Dataset(workspace.dataset(name)).digest[:12]
    hashes = {tag.value for item in logged.values() for tag in item.tags if tag.key == "dvc"}
    assert hashes == {"0" * 32 + ".dir"} and not any(tag.key == "dvc" for tag in logged["gate_recurrence"].tags)


@pytest.mark.parametrize(
    ("verdict", "made", "error"),
    [
        ("fail", ("evaluation", "gate_model"), GateStop),
        ("pass", ("evaluation", "gate_model"), None),
        ("pass", ("evaluation",), StageFailed),
    ],
)
def test_kfp_is_judged_by_the_gates_of_its_own_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verdict: str, made: tuple[str, ...], error: type | None
) -> None:
    workspace = make_workspace(tmp_path / "w")
    make_step(workspace, STEPS["gate_intake"], verdict="fail")  # from an earlier run: says nothing about this one
    finished = make_workspace(tmp_path / "finished")
    make_step(finished, STEPS["gate_model"], verdict=verdict)

    earlier = workspace.root / "data/kfp/earlier"
    earlier.mkdir(parents=True)
    os.utime(earlier, times=(2**32, 2**32))  # a clock that was wrong: the newest folder is not this run's

    def pipeline(**_: object) -> None:
        for step in (STEPS[name] for name in made):
            task = workspace.root / "data" / "kfp" / "run" / step.name.replace("_", "-")
            shutil.copytree(finished.report(step), task / "report")
            for role, folder in finished.outputs(step).items():
                shutil.copytree(folder, task / role)

    built_with_shares = []
    monkeypatch.setattr(kubeflow, "build", lambda _, shares: built_with_shares.append(shares) or pipeline)
    if error is None:
        engines.run_kfp(workspace, "evaluation")
    else:
        with pytest.raises(error, match="gate_model"):
            engines.run_kfp(workspace, "evaluation")
    assert Dataset(workspace.dataset("scores")).digest == Dataset(finished.dataset("scores")).digest
    assert built_with_shares == [False], "with one share each step starts once"
