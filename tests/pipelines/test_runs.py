"""The whole pipeline on a part of the rendered world with short trainings: DVC, KFP, MLflow and the report agree."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import docs_text
import pytest
import yaml
from corrupting import Target, not_found
from killing import living, stop_in, wait_for
from short_run import SETTINGS, SHOP, environment, make_shop, objectmate

from components.common.data.digests import short
from components.common.data.reading import Dataset, is_complete
from components.lineage import ask
from pipelines.engines.local import dvc_digests
from pipelines.engines.workspace import RESTORED, Workspace
from pipelines.lineage.check.check import Evidence
from pipelines.lineage.diff.diff import diff
from pipelines.steps import PIPELINES, STEPS

pytestmark = pytest.mark.pipeline
RUN = ("run", "full", *SHOP, *SETTINGS)
DATASET = ("run", "dataset", *SHOP, *SETTINGS)
AFTER_THE_DATASET = {
    name for step in STEPS.values() if step not in PIPELINES["dataset"] for name in step.outputs.values()
}


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Path:
    """A folder in which DVC has done the short run: it was killed in a stage, and started again."""
    folder = tmp_path_factory.mktemp("home")
    make_shop(folder)
    stop_in(folder, "embedding", signal.SIGKILL, *RUN, "--workspace", "runs/dvc")
    wait_for(lambda: not living(folder))
    done = objectmate(*RUN, "--workspace", "runs/dvc", cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    by_mlflow_and_dvc = [line for line in (done.stdout + done.stderr).splitlines() if "killed" in line]
    assert len(by_mlflow_and_dvc) == 2, by_mlflow_and_dvc
    return folder


def digests(workspace: Workspace) -> dict[str, str]:
    names = [name for step in STEPS.values() for name in step.outputs.values()]
    return {name: Dataset(workspace.dataset(name)).digest for name in names if is_complete(workspace.dataset(name))}


def only_folder(home: Path) -> Workspace:
    """The workspace of the only run for which no folder was named."""
    (folder,) = (home / "runs").glob("shop-*")
    return Workspace(folder)


def ran_in(workspace: Workspace) -> set[str]:
    """The steps that ran in a workspace; the others came from the cache or were not reached."""
    records = [workspace.record(step) for step in STEPS.values()]
    return {path.parent.name for path in records if path.is_file() and RESTORED not in json.loads(path.read_text())}


def tagged_as_reused(home: Path, workspace: Workspace) -> set[str]:
    """The stages of a workspace's run that MLflow has as reused."""
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    runs = mlflow.search_runs(experiment_names=["objectmate"], output_format="list")
    (parent,) = [run for run in runs if run.info.run_id == workspace.tracked.read_text()]
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    return {run.data.tags["stage"] for run in nested if run.data.tags["reused"] == "true"}


def test_all_datasets_and_the_page_are_there(home):
    workspace = Workspace(home / "runs/dvc")
    assert len(digests(workspace)) == len({name for step in STEPS.values() for name in step.outputs.values()})
    page = workspace.page.read_text()
    for words in ("Is the model any good?", "Retrieval precision", "Recurrence sets", "data:image/webp;base64,"):
        assert words in page


def test_dvc_is_clean_and_shows_metrics(home):
    dvc = Path(sys.executable).parent / "dvc"
    status = subprocess.run([dvc, "status"], cwd=home / "runs/dvc", capture_output=True, text=True)
    assert "up to date" in status.stdout, status.stdout + status.stderr
    metrics = subprocess.run([dvc, "metrics", "show", "--json"], cwd=home / "runs/dvc", capture_output=True, text=True)
    assert "data/reports/mining/metrics.json" in metrics.stdout
    plots = subprocess.run([dvc, "plots", "show"], cwd=home / "runs/dvc", capture_output=True, text=True)
    assert plots.returncode == 0, plots.stderr


@pytest.mark.parametrize("block", docs_text.blocks_after_a_run(), ids=str)
def test_the_pages_commands_work_after_a_run(home, block):
    words, folder = ["bash", "-euc", block.text], home / "runs/dvc"
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=environment())
    assert done.returncode == 0 and done.stdout.strip(), done.stdout + done.stderr


def test_mlflow_holds_the_manifests_digests_and_the_lock_files_hashes(home):
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    runs = mlflow.search_runs(experiment_names=["objectmate"], output_format="list")
    parents = [run for run in runs if "mlflow.parentRunId" not in run.data.tags and run.info.status == "FINISHED"]
    nested = [run for run in runs if run.data.tags.get("mlflow.parentRunId") == parents[0].info.run_id]
    assert len(parents) == 1
    assert {run.data.tags["stage"] for run in nested} == set(STEPS)
    lock = dvc_digests(Workspace(home / "runs/dvc"))
    expected = digests(Workspace(home / "runs/dvc"))
    logged = [item for run in nested for item in run.inputs.dataset_inputs]
    assert {item.dataset.name for item in logged} == lock.keys() == expected.keys()
    for item in logged:
        tags = {tag.key: tag.value for tag in item.tags}
        assert item.dataset.digest == short(expected[item.dataset.name])
        assert tags["sha256"] == expected[item.dataset.name] and tags["dvc"] == lock[item.dataset.name]


def test_a_second_run_does_nothing_and_a_changed_parameter_runs_only_what_depends_on_it(home):
    first = Workspace(home / "runs/dvc")
    again = objectmate(*RUN, "--workspace", "runs/dvc", cwd=home)
    assert again.returncode == 0 and "Nothing has changed" in again.stdout, again.stdout + again.stderr
    before = digests(first), first.params.read_bytes()
    other = ["evaluation.steps=3" if word == "evaluation.steps=2" else word for word in RUN]
    changed = objectmate(*other, cwd=home)
    assert changed.returncode == 0, changed.stdout + changed.stderr
    second = only_folder(home)
    assert ran_in(second) == {"evaluation", "gate_model"}
    assert f"2 stages ran, {len(STEPS) - 2} came from the cache" in changed.stdout
    assert f"Report: {second.page.relative_to(home)}\n" in changed.stdout
    assert yaml.safe_load(second.identity.read_text())["settings"]["evaluation.steps"] == 3
    differing = {name for name, digest in digests(second).items() if digest != before[0][name]}
    assert {"scores", "samples"} <= differing <= {"scores", "samples", "gate_model"}
    assert (digests(first), first.params.read_bytes()) == before
    assert tagged_as_reused(home, second) == set(STEPS) - {"evaluation", "gate_model"}
    found = diff(first, second)
    assert (found.first, str(found.causes[0])) == ("samples", "parameter evaluation.steps: 2 became 3")


def test_kfp_undisturbed_gives_the_same_digests_as_dvc_killed_and_resumed(home):
    # Every stage but the trainings and what follows; `make docker` compares those too, at full length.
    done = objectmate(*DATASET, "--engine", "kfp", "--workspace", "kfp", cwd=home)
    assert done.returncode == 0, done.stdout + done.stderr
    made = {name for step in PIPELINES["dataset"] for name in step.outputs.values()}
    expected = {name: digest for name, digest in digests(Workspace(home / "runs/dvc")).items() if name in made}
    assert digests(Workspace(home / "kfp")) == expected and expected.keys() == made


def test_lineage_answers_the_same_after_a_kfp_run(home):
    for question, row in ((ask.sources, "tuples:0"), (ask.derived, "images:0")):
        by_dvc = {(node.dataset, node.key) for node in question(home / "runs/dvc/data", row).walk()}
        by_kfp = {(node.dataset, node.key) for node in question(home / "kfp/data", row).walk()}
        assert by_kfp <= by_dvc and {name for name, _ in by_dvc - by_kfp} <= AFTER_THE_DATASET


def test_after_sync_dvc_skips_what_kfp_made(home):
    synced = objectmate("sync", "kfp", cwd=home)
    assert synced.returncode == 0, synced.stdout + synced.stderr
    dvc = Path(sys.executable).parent / "dvc"
    words = [dvc, "status", "--with-deps", "gate_tuples"]
    assert "up to date" in subprocess.run(words, cwd=home / "kfp", capture_output=True, text=True).stdout
    again = objectmate(*DATASET, "--workspace", "kfp", cwd=home)
    assert again.returncode == 0 and "Nothing has changed" in again.stdout, again.stdout + again.stderr


@pytest.mark.parametrize(("name", "engine"), [("runs/dvc", "dvc"), ("kfp", "kfp")])
def test_all_records_of_a_run_agree_and_a_corruption_of_one_is_found(home, monkeypatch, name, engine):
    monkeypatch.chdir(home)
    evidence = Evidence(Workspace(Path(name)))
    assert list(evidence.differences()) == []
    datasets = len(evidence.made)
    kubeflow = datasets if engine == "kfp" else 0
    assert [evidence.compared[place] for place in ("dvc.lock", "MLflow", "Kubeflow")] == [datasets, datasets, kubeflow]
    assert not_found(Target(Workspace(Path(name)), Path("mlflow.db"), whole_lock=engine == "dvc"), 12) == []


def test_a_failing_gate_stops_the_run_and_the_flag_continues_past_it(home):
    strict = [*SHOP, *("gates.tuples.min_clean_share=1" if "min_clean_share" in word else word for word in SETTINGS)]
    stopped = objectmate("run", "full", "--workspace", "runs/strict", *strict, cwd=home)
    assert stopped.returncode == 3, stopped.stdout + stopped.stderr
    there = Workspace(home / "runs/strict")
    assert ran_in(there) == {"gate_tuples"} and not is_complete(there.dataset("latents"))
    assert list(Evidence(there).differences()) == []
    assert "The run stopped at the gate" in there.page.read_text()
    assert yaml.safe_load(there.params.read_text())["gates"]["tuples"]["min_clean_share"] == 1
    past = objectmate("run", "dataset", "--workspace", "runs/past", *strict, "--continue-past-gates", cwd=home)
    assert past.returncode == 0, past.stdout + past.stderr
    verdicts = Dataset(home / "runs/past/data/gate_tuples").rows()
    assert any(row["verdict"] == "fail" and not row["blocking"] for row in verdicts)
