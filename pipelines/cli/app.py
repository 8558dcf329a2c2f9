"""The `objectmate` command. Parsing imports nothing heavy; each command imports what it needs when it runs."""

import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

app = typer.Typer(
    help="Mine recurring objects from photographs, train models that put your object into any scene.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
sandbox = typer.Typer(help="Remake the embedded default from nothing.", no_args_is_help=True)
app.add_typer(sandbox, name="sandbox")
benchmark = typer.Typer(help="Judge systems from outside beside the trained models.", no_args_is_help=True)
app.add_typer(benchmark, name="benchmark")
bench = typer.Typer(help="Measure ours beside its peers.", no_args_is_help=True)
app.add_typer(bench, name="bench")

Profile = Annotated[str, typer.Option(help="sandbox, open or paper")]
Overrides = Annotated[list[str] | None, typer.Option("--set", help="section.key=value, may be repeated")]
ClusterImages = Annotated[str, typer.Option(help="s3:// prefix (default: the photographs in the image)")]
ClusterLabels = Annotated[str, typer.Option(help="s3:// address of a CSV of path,subject")]
Given = Annotated[list[str] | None, typer.Option(help="DATASET=ADDRESS of one that the pipeline does not make")]
Shares = Annotated[int, typer.Option(min=1, help="Kubeflow: workers that share detection, embedding, mining, ...")]
Host = Annotated[str, typer.Option(help="Kubeflow Pipelines API (default: KFP_HOST; its token: KFP_TOKEN)")]


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="dataset, training, evaluation or full")] = "full",
    images: Annotated[str, typer.Option(help="Folder or s3:// prefix (default: the embedded photographs)")] = "",
    labels: Annotated[str, typer.Option(help="CSV of path,subject: which photographs show the same product")] = "",
    profile: Profile = "sandbox",
    engine: Annotated[str, typer.Option(help="dvc, kfp (processes) or docker (containers)")] = "dvc",
    workspace: Annotated[Path | None, typer.Option(help="Folder of this line of runs (. or runs/NAME)")] = None,
    continue_past_gates: Annotated[bool, typer.Option(help="Go on past failed gates; the verdicts record it")] = False,
    set_: Overrides = None,
    shares: Shares = 1,
) -> None:
    """Run a pipeline: photographs in; datasets, models, scores and a report page out."""
    from pipelines.engines.run import Request, run_pipeline

    run_pipeline(Request(pipeline, images, labels, profile, engine, workspace, continue_past_gates, set_ or [], shares))


@app.command()
def stage(
    name: Annotated[str, typer.Argument(help="A step, such as mining or gate_recurrence")],
) -> None:
    """Run one stage in the current folder's data/ with its section of params.yaml."""
    from pipelines.engines.run import run_stage

    run_stage(name)


@app.command()
def find(
    photo: Annotated[Path, typer.Argument(help="A photograph of the object")],
    box: Annotated[str, typer.Option(help="x,y,w,h of the object, px of the upright photograph (default: all)")] = "",
    top: Annotated[int, typer.Option(min=1, help="Objects shown")] = 12,
    data: Annotated[Path, typer.Option(help="Folder of the datasets that are searched")] = Path("data"),
    sheet: Annotated[Path | None, typer.Option(help="Picture of what is found (default: found.png in --data)")] = None,
) -> None:
    """Find an object: the mined objects that look most like the one in a photograph."""
    from pipelines.cli.find import find_object

    find_object(photo, box, top, data, sheet)


@app.command("compile")
def compile_(
    file: Annotated[list[Path] | None, typer.Argument(help="With --check: check these and compile nothing")] = None,
    output: Annotated[Path, typer.Option(help="Folder for the compiled pipelines")] = Path("data/kubeflow"),
    check: Annotated[bool, typer.Option("--check", help="Refuse what a cluster would, one line a fault")] = False,
    cluster: Annotated[bool, typer.Option("--cluster", help="--check, and refuse images of this machine too")] = False,
) -> None:
    """Compile the Kubeflow pipelines (dataset, training, evaluation, full) to YAML. Exit code 2 if a check refuses."""
    from pipelines.cluster.compile import compile_pipelines

    raise typer.Exit(compile_pipelines(file or [], output, check, cluster))


@app.command()
def submit(
    pipeline: Annotated[str, typer.Argument(help="dataset, training, evaluation or full")] = "full",
    images: ClusterImages = "",
    labels: ClusterLabels = "",
    profile: Profile = "sandbox",
    set_: Overrides = None,
    given: Given = None,
    shares: Shares = 1,
    host: Host = "",
    experiment: Annotated[str, typer.Option(help="Experiment of the run")] = "objectmate",
) -> None:
    """Run a pipeline on a cluster: uploads it as a version, if it is new, and starts a run of exactly that version."""
    from pipelines.cluster.api import connect
    from pipelines.cluster.submit import submit as submit_run
    from pipelines.engines.run import Request

    request = Request(pipeline, images, labels, profile, overrides=set_ or [], shares=shares)
    typer.echo(submit_run(connect(host), request, given or [], experiment))


@app.command()
def schedule(
    pipeline: Annotated[str, typer.Argument(help="dataset, training, evaluation or full")],
    cron: Annotated[str, typer.Option(help="Six fields, seconds first, such as '0 0 3 * * *'")],
    images: ClusterImages = "",
    labels: ClusterLabels = "",
    profile: Profile = "sandbox",
    set_: Overrides = None,
    given: Given = None,
    shares: Shares = 1,
    host: Host = "",
    experiment: Annotated[str, typer.Option(help="Experiment of the runs")] = "objectmate",
) -> None:
    """Run a pipeline on a cluster again and again: never two runs at once, and none made up for."""
    from pipelines.cluster.api import connect
    from pipelines.cluster.submit import schedule as schedule_runs
    from pipelines.engines.run import Request

    request = Request(pipeline, images, labels, profile, overrides=set_ or [], shares=shares)
    typer.echo(schedule_runs(connect(host), request, given or [], experiment, cron))


@app.command()
def status(
    run: Annotated[str, typer.Argument(help="Id of a run, as `objectmate submit` prints it")],
    follow: Annotated[bool, typer.Option(help="Until the run ends, or once")] = True,
    host: Host = "",
) -> None:
    """Follow a cluster's run. Exit code 0 if it succeeded, 3 if a gate stopped it, 1 if it failed otherwise."""
    from pipelines.cluster.api import connect
    from pipelines.cluster.follow import status as follow_run

    raise typer.Exit(follow_run(connect(host), run, follow))


@app.command()
def sync(
    run: Annotated[str, typer.Argument(help="Workspace of a local run, or folder or s3:// address of a cluster's run")],
    workspace: Annotated[Path, typer.Option(help="Folder that takes a cluster's datasets")] = Path(),
) -> None:
    """Enter what Kubeflow made into dvc.lock: `dvc status` is clean afterwards, `dvc repro` skips it."""
    from pipelines.cluster.sync import sync as sync_run
    from pipelines.engines.workspace import Workspace

    typer.echo(f"dvc.lock now holds {', '.join(sync_run(run, Workspace(workspace)))}")


@app.command()
def compare(
    run: Annotated[Path, typer.Argument(help="Workspace of a DVC run, or of one that was entered with `sync`")],
    reference: Annotated[
        Path, typer.Argument(help="Workspace that it should agree with (default: this folder)")
    ] = Path(),
    pipeline: Annotated[str, typer.Option(help="dataset, training, evaluation or full")] = "full",
) -> None:
    """Compare every dataset of two runs by the hashes in their dvc.lock. Exit code 1 if one differs or is missing."""
    from pipelines.engines.workspace import Workspace
    from pipelines.report.compare import compare as compare_runs

    raise typer.Exit(0 if compare_runs(Workspace(run), Workspace(reference), pipeline) else 1)


@app.command()
def report() -> None:
    """Write the report page again from what is in data/."""
    from pipelines.engines.workspace import Workspace
    from pipelines.report.page import write_page

    typer.echo(write_page(Workspace(Path())))


@app.command()
def params(profile: Annotated[str, typer.Argument(help="sandbox, open or paper")] = "sandbox") -> None:
    """Print a profile's complete params.yaml, every key explained."""
    from pipelines.parameters import render, resolve

    typer.echo(render(resolve(profile)), nl=False)


@app.command()
def dvc() -> None:
    """Print the dvc.yaml that the pipeline's table and the current params.yaml give."""
    from pipelines.engines.dvc_file import render_dvc

    typer.echo(render_dvc(Path()), nl=False)


@app.command()
def plan(
    objects: Annotated[float, typer.Option(help="Vectors to join, such as 55.2e6")],
    dim: Annotated[int, typer.Option(help="Dimensions of a vector")],
    device: Annotated[
        str, typer.Option(help="cpu or cuda: this machine's, measured for some seconds; or h200, h100, a100, l40s")
    ] = "cpu",
    workers: Annotated[int, typer.Option(help="Such devices that share the tile rows")] = 1,
    price: Annotated[float | None, typer.Option(help="USD an hour of one worker")] = None,
    pairs_per_object: Annotated[float, typer.Option(help="Expected pairs in the window")] = 2.0,
    hours: Annotated[float, typer.Option(help="More is too long: there is advice then")] = 24.0,
    json: Annotated[Path | None, typer.Option(help="Also write the bill as JSON")] = None,
) -> None:
    """Say what mining's exact join costs before it is launched: FLOP, bytes, time and money."""
    from components.mining.bench.plan import Job, whole
    from pipelines.cli.plan import plan_join

    plan_join(Job(whole(objects), dim, workers, price, pairs_per_object, hours), device, json)


@benchmark.command()
def export(folder: Annotated[Path, typer.Argument(help="New or empty folder for the inputs")]) -> None:
    """Write the inputs of every benchmark sample; evaluation.outside then names folders of SAMPLE.png to score."""
    from pipelines.engines.run import export_benchmark

    export_benchmark(folder)


@sandbox.command()
def render(
    split: Annotated[
        list[str] | None, typer.Argument(help="benchmark, corpus, pretrain, showroom (default: all)")
    ] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes (on one kind of processor)")] = 0,
    workers: Annotated[int, typer.Option(help="Processes")] = os.cpu_count() or 1,
) -> None:
    """Render the world of recurring products (needs the `sandbox` extra)."""
    from components.sandbox.remake import render_splits

    render_splits(split, seed, workers)


@sandbox.command()
def train(
    model: Annotated[list[str] | None, typer.Argument(help="Models to train (default: all, in order)")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every training")] = 0,
    device: Annotated[Literal["cpu", "cuda"], typer.Option(help="Where to train")] = "cpu",
) -> None:
    """Train the tiny models on the rendered world."""
    from components.sandbox.remake import train_models

    train_models(model, seed, device)


@sandbox.command()
def verify(
    json: Annotated[Path | None, typer.Option(help="Also write the table as JSON")] = None,
) -> None:
    """Measure the committed models again, on designs none of them has seen. Exit code 1 if one misses its bar."""
    from components.sandbox.remake import verify_models

    raise typer.Exit(0 if verify_models(json) else 1)


@bench.command()
def mining(
    n: Annotated[int, typer.Option(help="Vectors; a quarter and a half of them are measured too")] = 100_000,
    d: Annotated[list[int] | None, typer.Option(help="Dimensions, may be repeated (default: 64 and 128)")] = None,
    repeats: Annotated[int, typer.Option(help="Measurements of each, of which the median counts")] = 3,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    peers: Annotated[
        list[str] | None,
        typer.Option(
            help="torch, faiss-range, faiss-knn; cuda: torch-compare, torch-topk, faiss-gpu (default: all; ours: none)"
        ),
    ] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the rows as JSON")] = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw seconds over vectors, a PNG")] = None,
) -> None:
    """The exact window join: seconds, share of the machine's peak, pairs, memory (OMP_NUM_THREADS: threads of all)."""
    from pipelines.cli.bench import Outputs, bench_mining

    bench_mining(n, d, repeats, peers, device, Outputs(json, plot))


def main() -> None:
    """Entry point: a `UserError` is one sentence and exit code 2, a `GateStop` exit code 3, a `StageFailed` 1."""
    from components.common.errors import GateStop, StageFailed, UserError

    # OpenMP threads that spin while they wait make two threads on a busy machine far slower than one.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")
    for library in ("TRANSFORMERS", "DIFFUSERS"):
        os.environ.setdefault(f"{library}_VERBOSITY", "error")  # advice to their developers, not to our users
    try:
        app()
    except UserError as error:
        print(f"objectmate: {error}", file=sys.stderr)
        sys.exit(2)
    except StageFailed as error:
        print(f"objectmate: {error}", file=sys.stderr)
        sys.exit(1)
    except GateStop as stop:
        print(f"objectmate: {stop}", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
