"""What a step in a container reports, without an engine: the engine's client is a stand-in."""

from types import SimpleNamespace
from typing import Any

import docker
import pytest
from kfp.local import docker_task_handler

from pipelines.engines import docker as ours
from pipelines.engines.family import RUN


class Container:
    """A container that has ended with `status`, or whose output cannot be read."""

    def __init__(self, status: int, readable: bool = True) -> None:
        self.status, self.readable, self.removed = status, readable, False

    def logs(self, stream: bool) -> list[bytes]:
        if not self.readable:
            raise docker.errors.APIError("the engine has gone")
        return [b"said \xff\n"]

    def wait(self) -> dict[str, int]:
        assert not self.removed, "the status of a container that is gone is unknown"
        return {"StatusCode": self.status}

    def remove(self, force: bool) -> None:
        self.removed = True


def client_of(container: Container, asked: dict[str, Any]) -> Any:
    def run(**options: Any) -> Container:
        asked.update(options)
        return container

    return SimpleNamespace(containers=SimpleNamespace(run=run))


@pytest.mark.parametrize("status", [0, 2, 3, 137])
def test_the_status_is_the_containers_own(
    status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(RUN, "a-run")
    container, asked = Container(status), dict[str, Any]()
    assert ours.run_container(client_of(container, asked), "image", ["true"], {}) == status
    assert container.removed and asked["labels"] == {RUN: "a-run"}
    assert capsys.readouterr().out == "said \N{REPLACEMENT CHARACTER}\n"


def test_a_container_does_not_outlive_an_engine_that_breaks() -> None:
    container = Container(0, readable=False)
    with pytest.raises(docker.errors.APIError):
        ours.run_container(client_of(container, {}), "image", ["true"], {})
    assert container.removed


def test_kubeflows_runner_asks_us(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(docker_task_handler, "run_docker_container", docker_task_handler.run_docker_container)
    monkeypatch.setattr(ours, "_refuse_absent", lambda images: None)
    ours.runner(tmp_path, (), ())
    assert docker_task_handler.run_docker_container is ours.run_container
