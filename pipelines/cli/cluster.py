"""Commands for a Kubeflow cluster: `compile`, `submit`, `schedule`, `status` and `sync`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from components.common.harmless import say
from pipelines.cli.options import Overrides, Profile, Shares

if TYPE_CHECKING:
    from pipelines.engines.request import Request

commands = typer.Typer()

Host = Annotated[str, typer.Option(help="Kubeflow Pipelines API (default: KFP_HOST; its token: KFP_TOKEN)")]


@dataclass(frozen=True)
class Submission:
    """What a cluster should run, and where. given: DATASET=ADDRESS of each dataset that comes from elsewhere."""

    request: "Request"
    given: list[str]
    host: str
    experiment: str


def _submission(
    pipeline: Annotated[str, typer.Argument(help="dataset, training, evaluation, full or takedown")] = "full",
    images: Annotated[str, typer.Option(help="s3:// prefix (default: the photographs in the image)")] = "",
    labels: Annotated[str, typer.Option(help="s3:// address of a CSV of path,subject")] = "",
    profile: Profile = "sandbox",
    set_: Overrides = None,
    given: Annotated[
        list[str] | None, typer.Option(help="DATASET=ADDRESS of a dataset that the pipeline does not make")
    ] = None,
    shares: Shares = 1,
    host: Host = "",
    experiment: Annotated[str, typer.Option(help="Experiment that the run belongs to")] = "objectmate",
) -> Submission:
    from pipelines.engines.request import Request

    request = Request(pipeline, images, labels, profile, overrides=set_ or [], shares=shares)
    return Submission(request, given or [], host, experiment)


def _takes_submission(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, whose first parameter is a `Submission`, with the options of `_submission` in its place."""
    shared = inspect.signature(_submission).parameters
    _, *own = inspect.signature(command).parameters.values()

    @wraps(command)
    def parsed(**values: Any) -> None:
        submission = _submission(**{name: values.pop(name) for name in shared})
        command(submission, **values)

    parsed.__signature__ = inspect.Signature([*shared.values(), *own])  # type: ignore[attr-defined]
    return parsed


@commands.command("compile")
def compile_(
    file: Annotated[list[Path] | None, typer.Argument(help="With --check: check these and compile nothing")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the compiled pipelines")] = Path("data/kubeflow"),
    check: Annotated[bool, typer.Option("--check", help="Refuse what a cluster would, one line per fault")] = False,
    cluster: Annotated[bool, typer.Option("--cluster", help="--check, and refuse this machine's own images")] = False,
) -> None:
    """Compile the Kubeflow pipelines (dataset, training, evaluation, full, takedown) to YAML.

    Exit code 2 if a check refuses.
    """
    from pipelines.cluster.compile import compile_pipelines

    raise typer.Exit(compile_pipelines(file or [], output, check, cluster))


@commands.command()
@_takes_submission
def submit(
    submission: Submission,
    *,
    outputs: Annotated[
        list[str] | None, typer.Option(help="takedown: s3:// address of earlier runs' artifacts, which are purged")
    ] = None,
) -> None:
    """Run a pipeline on a cluster: upload it as a version if it is new, and start a run of exactly that version.

    The pipeline `takedown` makes the dataset again with the deny list and purges what earlier runs made.
    """
    from pipelines.cluster.api import connect
    from pipelines.cluster.submit import submit as submit_run

    client = connect(submission.host)
    given, experiment = submission.given, submission.experiment
    say(submit_run(client, submission.request, given, experiment, outputs or []))


@commands.command()
@_takes_submission
def schedule(
    submission: Submission,
    *,
    cron: Annotated[str, typer.Option(help="Six fields, seconds first, such as '0 0 3 * * *'")],
) -> None:
    """Run a pipeline on a cluster on a schedule: never two runs at once, and missed runs are skipped."""
    from pipelines.cluster.api import connect
    from pipelines.cluster.submit import schedule as schedule_runs

    client = connect(submission.host)
    say(schedule_runs(client, submission.request, submission.given, submission.experiment, cron))


@commands.command()
def status(
    run: Annotated[str, typer.Argument(help="Id of a run, as `objectmate submit` prints it")],
    follow: Annotated[bool, typer.Option(help="Follow until the run ends, or show its state once")] = True,
    host: Host = "",
) -> None:
    """Follow a cluster's run. Exit code 0 if it succeeded, 3 if a gate stopped it, 1 if it failed otherwise."""
    from pipelines.cluster.api import connect
    from pipelines.cluster.follow import status as follow_run

    raise typer.Exit(follow_run(connect(host), run, follow))


@commands.command()
def sync(
    run: Annotated[str, typer.Argument(help="Workspace of a local run, or folder or s3:// address of a cluster's run")],
    workspace: Annotated[Path, typer.Option(help="Folder for a cluster's datasets")] = Path(),
) -> None:
    """Record in dvc.lock what Kubeflow made: then `dvc status` is clean and `dvc repro` skips it."""
    from pipelines.cluster.sync import sync as sync_run
    from pipelines.engines.workspace import Workspace

    say(f"dvc.lock now holds {', '.join(sync_run(run, Workspace(workspace)))}")
