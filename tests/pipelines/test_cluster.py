"""The cluster's side of the command line, against a server that speaks the Kubeflow Pipelines API."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from kfp_api import TOKEN, Fault, State, serve

from components.common.errors import GateStop, UserError
from components.common.stage.contract import Family
from components.common.stage.kubeflow import component, image, variable
from pipelines import kubeflow
from pipelines.cluster.api import Cluster, connect
from pipelines.cluster.follow import status
from pipelines.cluster.submit import run_parameters, schedule, submit
from pipelines.engines.request import Request
from pipelines.kubeflow import compile_pipeline, components
from pipelines.parameters import resolve, step_params
from pipelines.steps import STEPS

ROOT = Path(__file__).parents[2]
IMAGES = {variable(family): f"registry.example/objectmate-{family}@sha256:{'a' * 64}" for family in get_args(Family)}
EVALUATION = Request("evaluation")
GIVEN = ["model_insertion=s3://b/insertion", "model_generation=s3://b/generation"]
NIGHTLY = "0 0 3 * * *"
COMPILED: dict[tuple[Any, ...], Path] = {}
"""Pipeline, shares and images -> what they compile to."""


@pytest.fixture(autouse=True)
def compiled_once(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each pipeline is compiled once with the same images: the compiler takes seconds, and gives the same each time."""

    def compile_or_copy(name: str, folder: Path, shares: bool = True) -> Path:
        what = (name, shares, *kubeflow.images(name))
        if what not in COMPILED:
            COMPILED[what] = compile_pipeline(name, tmp_path_factory.mktemp("compiled"), shares)
        return Path(shutil.copy(COMPILED[what], folder))

    monkeypatch.setattr(kubeflow, "compile_pipeline", compile_or_copy)


@pytest.fixture
def server() -> Iterator[tuple[str, State]]:
    with serve() as running:
        yield running


@pytest.fixture
def state(server: tuple[str, State]) -> State:
    return server[1]


@pytest.fixture
def cluster(server: tuple[str, State]) -> Cluster:
    return Cluster(server[0], TOKEN, waits=(0, 0, 0))


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images by digest, as if the variables had been set before the components were loaded."""
    families = {image(family): variable(family) for family in get_args(Family)}
    for each in components("full"):
        container = each.component_spec.implementation.container
        monkeypatch.setattr(container, "image", IMAGES[families[container.image]])
    for name, value in IMAGES.items():
        monkeypatch.setenv(name, value)


def objectmate(*words: str, host: str, **environment: str) -> subprocess.CompletedProcess:
    variables = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], "KFP_HOST": host, "KFP_TOKEN": TOKEN}
    command = [sys.executable, "-m", "pipelines.cli.start", *words]
    return subprocess.run(command, capture_output=True, text=True, env=variables | IMAGES | environment)


def task(name: str, state: str, start: int = 0, **more: Any) -> dict[str, Any]:
    """A task as the API shows it: one that has not ended has 1970 as its end."""
    end = "2026-11-24T03:09:00Z" if state in ("SUCCEEDED", "FAILED") else "1970-01-01T00:00:00Z"
    times = {"create_time": "2026-11-24T03:00:00Z", "start_time": f"2026-11-24T03:0{start}:00Z", "end_time": end}
    return {"task_id": f"{name}-1", "display_name": name, "state": state, **times, **more}


def snapshot(state: str, *tasks: dict[str, Any]) -> dict[str, Any]:
    own = [task(name, state) for name in ("root", "root-driver", "executor")]
    return {"state": state, "run_details": {"task_details": [*own, *tasks]}}


def started(cluster: Cluster, state: State, *script: dict[str, Any]) -> str:
    """The id of a run that will look as `script` says."""
    submit(cluster, EVALUATION, GIVEN, "objectmate")
    state.script.extend(script)
    return state.runs[0]["run_id"]


@pytest.mark.usefixtures("pinned")
def test_the_first_submission_makes_a_version_and_a_run_of_it(cluster: Cluster, state: State) -> None:
    said = submit(cluster, EVALUATION, GIVEN, "nightly")
    (pipeline,), (version,), (experiment,), (run,) = state.pipelines, state.versions, state.experiments, state.runs
    assert (pipeline["name"], experiment["display_name"]) == ("objectmate-evaluation", "nightly")
    assert run["pipeline_version_reference"] == {
        "pipeline_id": pipeline["pipeline_id"],
        "pipeline_version_id": version["pipeline_version_id"],
    }
    assert run["runtime_config"]["parameters"]["model_insertion_uri"] == "s3://b/insertion"
    parameters = step_params(resolve("sandbox"), STEPS["evaluation"])
    assert run["runtime_config"]["parameters"]["evaluation"] == parameters.model_dump_json()
    assert version["name"] in said and "uploaded before" not in said
    assert f"{cluster.host}/#/runs/details/{run['run_id']}" in said and f"objectmate status {run['run_id']}" in said


@pytest.mark.usefixtures("pinned")
def test_the_same_content_is_uploaded_once_and_other_content_again(
    cluster: Cluster, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(cluster, EVALUATION, GIVEN, "objectmate")
    said = submit(cluster, Request("evaluation", overrides=["evaluation.limit=2"]), GIVEN, "objectmate")
    assert "uploaded before" in said
    assert (len(state.versions), len(state.runs)) == (1, 2), "parameters are not part of the pipeline's content"
    assert json.loads(state.runs[1]["runtime_config"]["parameters"]["evaluation"])["limit"] == 2

    rebuilt = IMAGES[variable("gates")].replace("a" * 64, "b" * 64)
    monkeypatch.setenv(variable("gates"), rebuilt)
    spec = component(STEPS["gate_model"].stage).component_spec
    monkeypatch.setattr(spec.implementation.container, "image", rebuilt)
    submit(cluster, EVALUATION, GIVEN, "objectmate")
    assert [len(things) for things in (state.pipelines, state.experiments, state.versions)] == [1, 1, 2]
    assert (
        state.runs[2]["pipeline_version_reference"]["pipeline_version_id"] == state.versions[1]["pipeline_version_id"]
    )


@pytest.mark.usefixtures("pinned")
def test_a_run_that_cannot_be_created_leaves_a_version_that_the_next_try_reuses(cluster: Cluster, state: State) -> None:
    state.faults.append(Fault("POST", "/runs", 400))
    with pytest.raises(UserError, match=r"is uploaded, but has no run: .* answers 400") as caught:
        submit(cluster, EVALUATION, GIVEN, "objectmate")
    assert state.versions[0]["name"] in str(caught.value) and not state.runs
    submit(cluster, EVALUATION, GIVEN, "objectmate")
    assert (len(state.versions), len(state.runs)) == (1, 1)


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize("status_", [503, 0], ids=["unavailable", "reset"])
@pytest.mark.parametrize("done", [False, True], ids=["not done", "done, but the answer is lost"])
def test_passing_errors_are_retried_and_nothing_is_created_twice(
    cluster: Cluster, state: State, status_: int, done: bool
) -> None:
    posts = ("/experiments", "/pipelines", "/pipelines/upload_version", "/runs", "/recurringruns")
    state.faults.extend(Fault("POST", path, status_, done=done) for path in posts)
    state.faults.append(Fault("GET", "/experiments", status_))
    submit(cluster, EVALUATION, GIVEN, "objectmate")
    schedule(cluster, EVALUATION, GIVEN, "objectmate", NIGHTLY)
    assert not any(fault.times for fault in state.faults)
    made = (state.pipelines, state.versions, state.experiments, state.runs, state.schedules)
    assert [len(things) for things in made] == [1] * 5


@pytest.mark.usefixtures("pinned")
def test_a_server_that_stays_broken_is_one_sentence(cluster: Cluster, state: State) -> None:
    state.faults.append(Fault("GET", "/experiments", 502, times=9))
    with pytest.raises(UserError, match=r"answers 502 \(the server is not well\) repeatedly"):
        submit(cluster, EVALUATION, GIVEN, "objectmate")
    assert len(state.requests) == 4


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (302, "set KFP_TOKEN"),
        (401, "set KFP_TOKEN"),
        (403, "KFP_NAMESPACE"),
        (404, "correct the id"),
        (409, "name another"),
    ],
)
def test_a_refusal_names_its_remedy(cluster: Cluster, state: State, code: int, sentence: str) -> None:
    state.faults.append(Fault("POST", "/experiments", code, times=9))
    with pytest.raises(UserError, match=f"answers {code} .*{sentence}"):
        submit(cluster, EVALUATION, GIVEN, "objectmate")


@pytest.mark.usefixtures("pinned")
def test_a_schedule_runs_its_version_once_at_a_time(cluster: Cluster, state: State) -> None:
    said = schedule(cluster, EVALUATION, GIVEN, "objectmate", NIGHTLY)
    (made,) = state.schedules
    assert made["trigger"] == {"cron_schedule": {"cron": NIGHTLY}}
    assert (made["max_concurrency"], made["no_catchup"], made["mode"]) == ("1", True, "ENABLE")
    assert made["pipeline_version_reference"]["pipeline_version_id"] == state.versions[0]["pipeline_version_id"]
    assert made["recurring_run_id"] in said and not state.runs
    with pytest.raises(UserError, match="there is already a schedule objectmate-evaluation-sandbox"):
        schedule(cluster, EVALUATION, GIVEN, "objectmate", NIGHTLY)
    with pytest.raises(UserError, match="does not have six fields"):
        schedule(cluster, EVALUATION, GIVEN, "other", "0 3 * * *")


@pytest.mark.usefixtures("pinned")
def test_a_run_is_followed_to_its_end(cluster: Cluster, state: State, capsys: pytest.CaptureFixture) -> None:
    driver = task("evaluation-driver", "SUCCEEDED")
    run_id = started(
        cluster,
        state,
        {},
        snapshot("RUNNING", driver, task("evaluation", "RUNNING", 1)),
        snapshot("RUNNING", driver, task("evaluation", "SUCCEEDED", 1), task("gate-model", "RUNNING", 8)),
        snapshot("SUCCEEDED", driver, task("gate-model", "SUCCEEDED", 8), task("evaluation", "SUCCEEDED", 1)),
    )
    assert status(cluster, run_id, follow=True, poll=0) == 0
    *changes, end = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in changes] == [
        ["evaluation", "RUNNING"],
        ["evaluation", "SUCCEEDED"],
        ["gate_model", "RUNNING"],
        ["gate_model", "SUCCEEDED"],
    ]
    assert changes[1] == "evaluation SUCCEEDED 480 s" and changes[3] == "gate_model SUCCEEDED 60 s"
    assert int(changes[0].split()[2]) >= 0, "1970 is not an end"
    assert "SUCCEEDED" in end and "objectmate sync" in end and run_id in end


@pytest.mark.usefixtures("pinned")
def test_a_gate_that_stops_a_run_is_named(cluster: Cluster, state: State, capsys: pytest.CaptureFixture) -> None:
    ended = snapshot("FAILED", task("gate-model", "FAILED", 8), task("evaluation", "SUCCEEDED", 1))
    with pytest.raises(GateStop, match="the run stopped at gate_model"):
        status(cluster, started(cluster, state, ended), follow=True, poll=0)
    assert "objectmate sync" in capsys.readouterr().out


@pytest.mark.usefixtures("pinned")
def test_the_shares_of_a_step_are_seen(cluster: Cluster, state: State, capsys: pytest.CaptureFixture) -> None:
    ended = snapshot("FAILED", task("detection-shares", "FAILED", 1), task("detection-share", "FAILED", 2))
    assert status(cluster, started(cluster, state, ended), follow=True, poll=0) == 1
    shown = capsys.readouterr()
    assert "detection, shares FAILED" in shown.out and "failed at detection" in shown.err


@pytest.mark.usefixtures("pinned")
@pytest.mark.parametrize(
    ("failed", "sentence"),
    [
        (task("evaluation", "FAILED", error={"code": 2, "message": "OOMKilled"}), "failed at evaluation: OOMKilled"),
        (task("gate-model-driver", "FAILED"), "failed at the driver of gate_model"),
    ],
)
def test_any_other_failure_is_not_blamed_on_a_gate(
    cluster: Cluster, state: State, capsys: pytest.CaptureFixture, failed: dict[str, Any], sentence: str
) -> None:
    assert status(cluster, started(cluster, state, snapshot("FAILED", failed)), follow=True, poll=0) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.usefixtures("pinned")
def test_one_look_at_a_run_that_is_still_going(cluster: Cluster, state: State, capsys: pytest.CaptureFixture) -> None:
    run_id = started(cluster, state, snapshot("RUNNING", task("evaluation", "RUNNING", 1)), snapshot("SUCCEEDED"))
    assert status(cluster, run_id, follow=False) == 0
    assert "is RUNNING" in capsys.readouterr().out and len(state.script) == 1
    with pytest.raises(UserError, match=r"answers 404 .*run-7.* correct the id"):
        status(cluster, "run-7", follow=True)


@pytest.mark.parametrize(
    ("request_", "given", "sentence"),
    [
        (Request("dataset", images="photos"), [], "--images photos is on this machine"),
        (Request("full", images="s3://b/p", labels="labels.csv"), [], "--labels labels.csv is on this machine"),
        (Request("full", overrides=[f"models.remover={ROOT}"]), [], f"--set models.remover {ROOT} is on this"),
        (Request("training", images="s3://b/p"), ["tuples=s3://b/t"], "the training pipeline reads no photographs"),
        (Request("training"), [], "the training pipeline reads tuples: --given tuples=s3://"),
        (Request("training"), ["tuples=data/tuples"], "--given tuples=data/tuples is not an address"),
        (Request("full"), ["tuples=s3://b/t"], "reads only what it makes: leave out --given"),
        (Request("dataset", profile="open"), [], "models.detector = ustc-community/dfine-large-obj365; "),
        (Request("dataset", overrides=["mining.lowest=1"]), [], "unknown parameter 'mining.lowest'"),
        (Request("full", overrides=["training.nodes=2"]), [], "set OBJECTMATE_SHARED_CLAIM to a claim"),
        (Request("everything"), [], "there is no pipeline 'everything'"),
    ],
)
def test_what_a_pod_could_not_do_is_refused(request_: Request, given: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        run_parameters(request_, given)
    assert sentence in str(caught.value)


def test_what_a_pod_can_see_is_passed_on() -> None:
    parameters = run_parameters(Request("dataset", images="s3://b/photos", labels="s3://b/labels.csv"), [])
    assert json.loads(parameters["ingest"])["images"] == "s3://b/photos"
    assert json.loads(parameters["detection"])["source"] == "whole"
    assert json.loads(run_parameters(Request("full"), [])["ingest"])["images"] == "sandbox:corpus"


def test_a_tag_is_refused_before_any_request_to_the_cluster(cluster: Cluster, state: State) -> None:
    with pytest.raises(
        UserError, match=r"images by digest.* OBJECTMATE_IMAGE_TRAINING \(.*:dev\), OBJECTMATE_IMAGE_GATES"
    ):
        submit(cluster, EVALUATION, GIVEN, "objectmate")
    assert not state.requests


def test_a_host_is_named_and_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KFP_HOST", raising=False)
    for wrong in ("", "cluster.example"):
        with pytest.raises(UserError, match="give --host or KFP_HOST"):
            connect(wrong)
    with socket.socket() as taken:  # bound, but not listening: nobody else answers there
        taken.bind(("127.0.0.1", 0))
        host = f"http://someone:hunter2@127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UserError, match=r"^http://127\.0\.0\.1:\d+ does not answer"):
            Cluster(host, waits=(0,)).run("run-1")


def test_an_address_of_something_else_is_one_sentence(cluster: Cluster, state: State) -> None:
    with pytest.raises(UserError, match="no secure connection to https://"):
        Cluster(cluster.host.replace("http:", "https:"), TOKEN).run("run-1")
    state.faults.append(Fault("GET", "/runs/run-1", 200, kind="text/html"))
    with pytest.raises(UserError, match="answers with a web page, not as a Kubeflow Pipelines API"):
        cluster.run("run-1")


def test_the_commands_submit_follow_and_schedule(server: tuple[str, State]) -> None:
    host, state = server
    given = [word for item in GIVEN for word in ("--given", item)]
    done = objectmate("submit", "evaluation", *given, "--set", "evaluation.limit=2", host=host)
    assert done.returncode == 0, done.stderr
    (run,) = state.runs
    assert run["run_id"] in done.stdout
    state.script.append(snapshot("FAILED", task("gate-model", "FAILED", 8)))
    stopped = objectmate("status", run["run_id"], host=host)
    assert (stopped.returncode, "gate_model" in stopped.stderr) == (3, True)
    assert objectmate("schedule", "evaluation", "--cron", NIGHTLY, *given, host=host).returncode == 0
    assert len(state.schedules) == 1 and len(state.versions) == 1


def test_a_wrong_token_is_one_sentence_that_does_not_show_it(server: tuple[str, State]) -> None:
    refused = objectmate("status", "run-1", host=server[0], KFP_TOKEN="wrong-secret")
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1
    assert "set KFP_TOKEN" in refused.stderr and "secret" not in refused.stderr + refused.stdout
