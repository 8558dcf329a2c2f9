"""A step that exits non-zero in a container fails the run, every time.

Kubeflow's local runner drives an engine here, in the project's own containers: nothing is feigned. A hundred steps are
bare commands, so that a container ends as early as one can (at once is when a status got lost); a few are Python
functions, as the project's steps are. Needed: a Docker engine and the image of the family `data`.
"""

import time
from threading import Thread

import docker
import pytest
from kfp import dsl, local
from kfp.local import docker_task_handler

from components.common.stage.kubeflow import image
from pipelines.engines.docker import remove_containers, run_container, runner
from pipelines.engines.family import RUN

TRIES = 100
IMAGE = image("data")

pytestmark = pytest.mark.pipeline


@dsl.container_component
def command(script: str):
    """Runs a line of shell."""
    return dsl.ContainerSpec(image=IMAGE, command=["sh", "-c"], args=[script])


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def function(code: int, report: dsl.Output[dsl.Artifact]):
    """Leaves a file, then ends with an exit code; 0 is success."""
    import sys
    from pathlib import Path

    Path(report.path).write_text("done")
    if code:
        sys.exit(code)


@pytest.fixture(scope="module")
def client():
    try:
        found = docker.from_env()
        found.ping()
    except docker.errors.DockerException:
        pytest.skip("no Docker engine answers: `infra/local/engine.sh up` starts one")
    if not found.images.list(IMAGE):
        pytest.skip(f"there is no image {IMAGE}: `make image-data` builds it")
    return found


@pytest.fixture
def root(client, tmp_path, monkeypatch):
    """The folder of the runner's results; the runner is set up as for a run of the project."""
    # runner() puts the project's function there; Kubeflow's own comes back after the test.
    monkeypatch.setattr(docker_task_handler, "run_docker_container", docker_task_handler.run_docker_container)
    results = tmp_path / "results"
    results.mkdir()
    local.init(runner(tmp_path, (), [IMAGE]), pipeline_root=str(results), raise_on_error=True)
    return results


def fails(component, **arguments) -> bool:
    """Whether the run of one step is reported as failed, and by its status: an engine that breaks is an error."""
    try:
        component(**arguments)
    except RuntimeError as error:
        assert "finished with status" in str(error) and "FAILURE" in str(error)
        return True
    return False


def test_of_a_hundred_failing_steps_none_passes(root):
    scripts = ["exit 3", "seq 2000; exit 3"] * (TRIES // 2)
    passed = [i for i, script in enumerate(scripts) if not fails(command, script=script)]
    assert passed == []


def test_steps_that_succeed_pass(root):
    scripts = ["exit 0", "seq 2000", "true || exit 3"] * 5
    assert not [script for script in scripts if fails(command, script=script)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [("exit 0", 0), ("exit 3", 3), ("seq 2000; exit 3", 3), ("sh -c 'kill -9 $$'; exit $?", 137)],
)
def test_the_status_is_the_containers_and_nothing_is_left(client, script, expected):
    before = {container.id for container in client.containers.list(all=True)}
    assert run_container(client, IMAGE, ["sh", "-c", script], {}, network_mode="none") == expected
    assert {container.id for container in client.containers.list(all=True)} <= before


def test_the_containers_of_a_dead_run_are_removed_and_no_others(client, monkeypatch):
    before = {container.id for container in client.containers.list(all=True)}
    for run in ("dead", "alive"):
        monkeypatch.setenv(RUN, run)
        options = {"client": client, "image": IMAGE, "command": ["sleep", "600"], "volumes": {}, "network_mode": "none"}
        Thread(target=run_container, kwargs=options, daemon=True).start()
        while not client.containers.list(filters={"label": f"{RUN}={run}"}):
            time.sleep(0.1)
    remove_containers("dead")
    (left,) = [container for container in client.containers.list(all=True) if container.id not in before]
    assert left.labels[RUN] == "alive"
    left.remove(force=True)


def test_what_comes_after_a_failed_step_does_not_start(root):
    @dsl.pipeline
    def chain(code: int):
        first = function(code=code)
        function(code=0).after(first)

    assert fails(chain, code=3)
    assert [path.parent.name for path in root.rglob("report")] == ["function"]
    chain(code=0)
    assert sorted(path.parent.name for path in root.rglob("report")) == ["function", "function", "function-2"]
