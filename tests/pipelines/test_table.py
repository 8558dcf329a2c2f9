"""The pipeline's table, dvc.yaml, params.yaml and the KFP pipelines agree."""

from pathlib import Path

import pytest
import yaml

from components.common.errors import UserError
from pipelines.engines.dvc_file import render_dvc
from pipelines.engines.prepare import DVCIGNORE
from pipelines.parameters import check, profile_names, read_step, render, resolve
from pipelines.steps import PIPELINES, STEPS, last_steps

ROOT = Path(__file__).parents[2]


def test_committed_files_are_what_the_table_gives():
    assert (ROOT / "params.yaml").read_text() == render(resolve("sandbox")), "objectmate params sandbox > params.yaml"
    assert (ROOT / "dvc.yaml").read_text() == render_dvc(ROOT), "objectmate dvc > dvc.yaml"


def test_every_dataset_is_made_before_it_is_read():
    made: set[str] = set()
    for step in PIPELINES["full"]:
        assert set(step.inputs.values()) | set(step.after) <= made, step.name
        made |= set(step.outputs.values())


def test_every_gate_comes_before_some_work_and_no_dataset_has_two_makers():
    gates = {step.name for step in STEPS.values() if step.name.startswith("gate_")}
    waited_for = {gate for step in STEPS.values() for gate in step.after}
    assert gates - waited_for == {"gate_model"}
    outputs = [name for step in STEPS.values() for name in step.outputs.values()]
    assert len(outputs) == len(set(outputs))


def test_peoples_verdicts_leave_calibration_and_sets_as_they_are(tmp_path):
    """They answer for what was retrieved. A window that they moved would change what they were asked about."""
    steps = {}
    for name, verdicts in (("before", ""), ("after", "verdicts.csv")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "verdicts.csv").write_text("")
        (folder / "params.yaml").write_text(render(resolve("sandbox", {"gates.verdicts": verdicts})))
        steps[name] = yaml.safe_load(render_dvc(folder))["stages"]
    changed = {name for name, step in steps["before"].items() if step != steps["after"][name]}
    assert changed == {"judgement"}
    makers = {dataset: step for step in STEPS.values() for dataset in step.outputs.values()}
    behind, unread = set(), {"sets"}
    while unread:
        step = makers[unread.pop()]
        behind.add(step.name)
        unread |= set(step.inputs.values())
    assert {"calibration", "mining"} <= behind and "judgement" not in behind


def test_everything_that_parameters_name_is_a_dependency(tmp_path):
    for name in ("remover", "judge", "theirs", "others", "photographs"):
        (tmp_path / name).mkdir()
    (tmp_path / "classes.csv").write_text("")
    chosen = {
        "ingest.images": "photographs",
        "models.remover": "remover",
        "models.second_ir": "judge",
        "detection.class_names": "classes.csv",
        "evaluation.outside": {"a": "theirs", "b": "others"},
    }
    (tmp_path / "params.yaml").write_text(render(resolve("sandbox", chosen)))
    stages = yaml.safe_load(render_dvc(tmp_path))["stages"]
    assert {"remover", "judge"} <= set(stages["removal"]["deps"])
    assert "judge" in stages["gate_tuples"]["deps"]
    assert "classes.csv" in stages["detection"]["deps"]
    assert {"theirs", "others"} <= set(stages["evaluation"]["deps"])
    assert not any("always_changed" in stage for stage in stages.values())


def test_a_bucket_is_checked_in_every_run(tmp_path):
    chosen = {"ingest.images": "s3://bucket/photographs", "detection.annotations": "s3://bucket/boxes.json"}
    (tmp_path / "params.yaml").write_text(render(resolve("sandbox", chosen)))
    stages = yaml.safe_load(render_dvc(tmp_path))["stages"]
    assert [name for name, stage in stages.items() if stage.get("always_changed")] == ["ingest", "detection"]


@pytest.mark.parametrize("profile", profile_names())
def test_profiles_resolve_and_survive_a_round_trip(profile, tmp_path):
    (tmp_path / "params.yaml").write_text(render(resolve(profile)))
    check(tmp_path / "params.yaml")
    values = yaml.safe_load((tmp_path / "params.yaml").read_text())
    mining = read_step(tmp_path / "params.yaml", STEPS["mining"]).model_dump(mode="json")
    assert mining == values["mining"] | values["duplicates"] | {key: values[key] for key in ("device", "threads")}


def test_a_source_is_named_only_where_the_default_is_used():
    default, changed = (render(resolve("open", chosen)) for chosen in ({}, {"training.lr": 1e-4}))
    assert "lr: 1.0e-05  # peak learning rate of AdamW (default: Alterbute" in default
    assert "lr: 0.0001  # peak learning rate of AdamW\n" in changed


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ({"mining.no_such_key": 1}, "unknown parameter 'mining.no_such_key'"),
        ({"nowhere.key": 1}, "unknown parameter 'nowhere'"),
        ({"mining.min_views": 0}, "mining.min_views = 0"),
        ({"training.lr": "fast"}, "training.lr = 'fast'"),
    ],
)
def test_wrong_parameters_are_one_sentence(override, words):
    with pytest.raises(UserError, match=words):
        resolve("sandbox", override)


def test_the_compiled_pipeline_holds_every_step():
    spec = next(yaml.load_all((ROOT / "tests/pipelines/golden/full.yaml").read_text(), yaml.CSafeLoader))
    assert set(spec["root"]["dag"]["tasks"]) == {"exit-handler-1", "ending"}
    tasks = spec["components"]["comp-exit-handler-1"]["dag"]["tasks"]
    loops = {f"{name}-shares" for name, step in STEPS.items() if step.stage.shared}
    assert {name for name in tasks if not name.startswith("for-loop")} == {name.replace("_", "-") for name in STEPS}
    assert {task["taskInfo"]["name"] for name, task in tasks.items() if name.startswith("for-loop")} == loops
    for step in STEPS.values():
        waits = set(tasks[step.name.replace("_", "-")].get("dependentTasks", []))
        assert {gate.replace("_", "-") for gate in step.after} <= waits


def test_every_workspace_ignores_what_the_project_does():
    assert (ROOT / ".dvcignore").read_text() == DVCIGNORE


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_last_steps_bring_all_others_with_them(pipeline: str) -> None:
    steps = PIPELINES[pipeline]
    made = {name: step for step in steps for name in step.outputs.values()}
    ahead, reached = last_steps(steps), set[str]()
    while ahead:
        step = STEPS[ahead.pop()]
        reached.add(step.name)
        ahead += [made[name].name for name in (*step.inputs.values(), *step.after) if name in made]
    assert reached == {step.name for step in steps}
