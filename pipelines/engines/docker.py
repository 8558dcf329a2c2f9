"""Kubeflow's local Docker runner, with containers as restricted as a pod's, and with their true exit status.

The stock runner lets Docker remove a container, and counts one that is gone before its status was read as a success, so
a failed step can be reported as done (kubeflow/pipelines#13332). Here a container stays until its status is known.
"""

import os
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import docker
from docker.types import Mount
from kfp import local
from kfp.local import docker_task_handler

from components.common.errors import UserError
from components.common.harmless import say
from pipelines.engines.family import RUN

NETWORK = "OBJECTMATE_DOCKER_NETWORK"
PASSED_ON = ("OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "HF_HUB_OFFLINE")
SECRETS = tuple(
    f"AWS_{name}"
    for name in (
        "ACCESS_KEY_ID",
        "SECRET_ACCESS_KEY",
        "SESSION_TOKEN",
        "ENDPOINT_URL",
        "ENDPOINT_URL_S3",
        "REGION",
        "DEFAULT_REGION",
    )
)


def runner(root: Path, sources: Sequence[Path], images: Sequence[str]) -> local.DockerRunner:
    """A runner whose containers work in the folder `root` as this user, without network or writable root file system.

    sources: files and folders that stages read, which containers see at the same paths. Set OBJECTMATE_DOCKER_NETWORK
    to the name of a Docker network if stages need one (s3:// photographs, hub models); credentials are then passed on.
    Raises `UserError` if the engine does not answer or one of `images` is missing: nothing is pulled.
    """
    _refuse_absent(images)
    docker_task_handler.run_docker_container = run_container
    network = os.environ.get(NETWORK, "none")
    names = PASSED_ON if network == "none" else PASSED_ON + SECRETS
    return local.DockerRunner(
        environment={"HOME": "/tmp"} | {name: os.environ[name] for name in names if name in os.environ},
        mounts=[Mount(str(path), str(path), type="bind", read_only=True) for path in (root.resolve(), *sources)],
        working_dir=str(root.resolve()),
        network_mode=network,
        user=f"{os.getuid()}:{os.getgid()}",
        read_only=True,
        tmpfs={"/tmp": ""},
        cap_drop=["ALL"],
        security_opt=["no-new-privileges"],
    )


def run_container(
    client: docker.DockerClient, image: str, command: list[str], volumes: Mapping[str, Any], **options: Any
) -> int:
    """Runs a container to its end, prints its output, and returns its exit status."""
    options |= {"labels": {RUN: os.environ.get(RUN, "")}, "volumes": dict(volumes), "detach": True}
    container = client.containers.run(image=image, command=command, **options)
    try:
        for line in container.logs(stream=True):
            say(line.decode(errors="replace"), end="")
        return int(container.wait()["StatusCode"])
    finally:
        container.remove(force=True)


def remove_containers(run: str) -> None:
    """Removes the containers of a run, running or not. If no engine answers, none is running."""
    with suppress(docker.errors.DockerException), closing(docker.from_env()) as client:
        for container in client.containers.list(all=True, filters={"label": f"{RUN}={run}"}):
            with suppress(docker.errors.NotFound):  # its run has just removed it
                container.remove(force=True)


def _refuse_absent(images: Sequence[str]) -> None:
    try:
        client = docker.from_env()
        client.ping()
    except docker.errors.DockerException:
        raise UserError(
            "no Docker engine answers: start one (infra/local/engine.sh does so without a registry) and set DOCKER_HOST"
        ) from None
    try:
        for name in images:
            client.images.get(name)
    except docker.errors.ImageNotFound:
        raise UserError(f"there is no image {name}: build it with `make images`") from None
    finally:
        client.close()
