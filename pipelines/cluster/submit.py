"""`objectmate submit` and `objectmate schedule`: a pipeline with its parameters, checked here, run by a cluster."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from components.common.data.storage import S3
from components.common.errors import UserError
from components.common.stage.contract import Family
from components.common.stage.kubeflow import has_digest, image, variable
from components.ingest.params import DENIED
from pipelines.cluster.api import Cluster, Version
from pipelines.engines.request import Request
from pipelines.models.declared import lock_command, pinned
from pipelines.parameters import resolve, step_params
from pipelines.steps import STEPS, Step, pipeline_steps

CRON_FIELDS = 6
RUNNER = "runner"
"""The image of the whole command line, in which a takedown's own tasks run."""


def submit(
    cluster: Cluster, request: Request, given: Sequence[str], experiment: str, outputs: Sequence[str] = ()
) -> str:
    """Uploads the pipeline if its content is new and starts a run of exactly that version; returns what to print.

    given: DATASET=ADDRESS of each dataset that the pipeline reads and does not make. outputs: addresses of earlier
    runs' artifacts, for the pipeline takedown.
    Raises `UserError`, before anything is uploaded, if the run could not work in pods.
    """
    parameters = run_parameters(request, given, outputs)
    with _compiled(request.pipeline, request.shares > 1) as ir:
        experiment_id = cluster.experiment(experiment)
        version = cluster.publish(f"objectmate-{request.pipeline}", ir)
    try:
        run = cluster.start(version, experiment_id, parameters)
    except UserError as error:
        raise UserError(_without(version, "run", error)) from None
    lines = (_uploaded(version), f"Run {run}: {cluster.run_url(run)}", f"Next: objectmate status {run}")
    return "\n".join(lines)


def schedule(cluster: Cluster, request: Request, given: Sequence[str], experiment: str, cron: str) -> str:
    """Uploads as `submit` does, and has the cluster run that version at the times of `cron`; returns what to print.

    cron: six fields, seconds first. Raises `UserError` as `submit` does, and if the schedule already exists.
    """
    if request.pipeline == "takedown":
        raise UserError("a takedown is done once, not on a schedule: submit it")
    if len(cron.split()) != CRON_FIELDS:
        raise UserError(
            f"--cron '{cron}' does not have six fields: second minute hour day month weekday, as in '0 0 3 * * *'"
        )
    parameters = run_parameters(request, given)
    name = f"objectmate-{request.pipeline}-{request.profile}"
    with _compiled(request.pipeline, request.shares > 1) as ir:
        experiment_id = cluster.experiment(experiment)
        if existing := cluster.scheduled(name, experiment_id):
            url = cluster.schedule_url(existing)
            raise UserError(f"there is already a schedule {name}: delete it at {url}, or name another --experiment")
        version = cluster.publish(f"objectmate-{request.pipeline}", ir)
    try:
        schedule_id = cluster.schedule(name, cron, version, experiment_id, parameters)
    except UserError as error:
        raise UserError(_without(version, "schedule", error)) from None
    lines = (
        _uploaded(version),
        f"Schedule {schedule_id} ({name}, {cron}): {cluster.schedule_url(schedule_id)}",
        "Next: objectmate status RUN, once it has run",
    )
    return "\n".join(lines)


def run_parameters(request: Request, given: Sequence[str], outputs: Sequence[str] = ()) -> dict[str, Any]:
    """The parameters of a run on a cluster. Raises `UserError` if one is wrong or names what only this machine has."""
    from pipelines.cluster.settings import SHARED_CLAIM
    from pipelines.kubeflow import COMPILED, TAKEDOWN, arguments, given_datasets

    takes_down = request.pipeline == TAKEDOWN
    steps = COMPILED[TAKEDOWN] if takes_down else pipeline_steps(request.pipeline)
    if (request.images or request.labels) and STEPS["ingest"] not in steps:
        raise UserError(f"the {request.pipeline} pipeline reads no photographs: leave out --images and --labels")
    photographs, labels = request.sources
    nothing_denied = {} if Path(DENIED).exists() else {"ingest.denied": ""}
    sources = {"ingest.images": photographs, "ingest.labels": labels} | nothing_denied
    values = resolve(request.profile, sources | request.settings())
    _refuse_local(values, steps)
    _refuse_unshared(values, steps, SHARED_CLAIM)
    _refuse_outputs(outputs, takes_down, values["ingest"]["denied"])
    values = pinned(values, steps, Path(), lock_command(request.profile, request.overrides))
    addresses = _addresses(request.pipeline, given_datasets(steps), given)
    return arguments(request.pipeline, values, addresses, request.shares, outputs)


def _refuse_outputs(outputs: Sequence[str], takes_down: bool, denied: str) -> None:
    """A takedown needs the addresses to purge and the deny list; no other pipeline deletes anything."""
    if outputs and not takes_down:
        raise UserError("only the pipeline takedown purges --outputs: leave them out, or submit takedown")
    if wrong := [address for address in outputs if not address.startswith(S3)]:
        raise UserError(f"--outputs {wrong[0]} is not in a bucket: name the s3:// address of earlier runs' artifacts")
    if takes_down and not (outputs and denied.startswith(S3)):
        raise UserError(
            "a takedown needs the deny list and the addresses to purge: give --set "
            "ingest.denied=s3://BUCKET/denied.parquet and --outputs s3://..., the address of earlier runs' artifacts"
        )


def _refuse_local(values: dict[str, Any], steps: Sequence[Step]) -> None:
    """A pod sees addresses, what is in its image (`sandbox:`) and models of the hub, but no file of this machine."""
    for step in steps:
        params = step_params(values, step, "the parameters")
        for name, source in params.sources():
            of_hub = name in params.loads() and not Path(source).exists()
            if ":" not in source and not of_hub:
                option = f"--{name}" if name in ("images", "labels") else f"--set {params.places()[name]}"
                raise UserError(f"{option} {source} is on this machine, where no pod can see it: give an s3:// address")


def _refuse_unshared(values: dict[str, Any], steps: Sequence[Step], claim: str) -> None:
    """The nodes of a training share files with its pod only through a volume."""
    for step in steps:
        nodes = getattr(step_params(values, step, "the parameters"), "nodes", 1)
        if nodes > 1 and not os.environ.get(claim):
            raise UserError(
                f"training.nodes is above 1, but nothing names the volume that its nodes share: set {claim} to a "
                "claim, such as shared (infra/README.md)"
            )


def _addresses(pipeline: str, wanted: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Dataset -> address from --given, one for each dataset in `wanted`."""
    pairs = [item.partition("=") for item in given]
    addresses = {dataset: address for dataset, _, address in pairs}
    if sorted(addresses) != sorted(wanted):
        example = " ".join(f"--given {dataset}=s3://..." for dataset in wanted) or "leave out --given"
        raise UserError(f"the {pipeline} pipeline reads {', '.join(wanted) or 'only what it makes'}: {example}")
    for dataset, address in addresses.items():
        if "://" not in address:
            raise UserError(f"--given {dataset}={address} is not an address that a pod can see: give an s3:// address")
    return addresses


def _refuse_tags(images: Sequence[str]) -> None:
    """Raises a `UserError` that names the variable of every image that is not pinned by digest."""
    tagged = [
        family for family in (*get_args(Family), RUNNER) if image(family) in images and not has_digest(image(family))
    ]
    if tagged:
        wanted = ", ".join(f"{variable(family)} (now {image(family)})" for family in tagged)
        raise UserError(
            "a cluster takes images by digest, since a tag can move and Kubeflow's cache would not notice: set "
            f"NAME@sha256:DIGEST in {wanted}"
        )


@contextmanager
def _compiled(pipeline: str, shares: bool) -> Iterator[Path]:
    """The file of a pipeline's intermediate representation (shares: see `build`).

    Raises `UserError` if a cluster would not accept it.
    """
    from pipelines.ir.check import check_files
    from pipelines.kubeflow import compile_pipeline, images

    _refuse_tags(images(pipeline))
    with TemporaryDirectory() as folder:
        path = compile_pipeline(pipeline, Path(folder), shares)
        if faults := check_files([path], cluster=True):
            raise UserError("; ".join(faults))
        yield path


def _uploaded(version: Version) -> str:
    return f"Version {version.name} of {version.pipeline}" + (" (uploaded before)" if version.reused else "")


def _without(version: Version, what: str, error: UserError) -> str:
    return (
        f"version {version.name} of {version.pipeline} is uploaded, but has no {what}: {error}; then run the same "
        "command again, which reuses this version"
    )
