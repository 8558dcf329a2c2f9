"""Commands that measure or predict: `plan` and `bench`."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.options import Overrides, Pipeline

commands = typer.Typer()
bench = typer.Typer(help="Measure parts of this project against their alternatives.", no_args_is_help=True)
commands.add_typer(bench, name="bench")

RunFolder = Annotated[Path, typer.Option(help="Folder of a finished run: its datasets, models and params.yaml")]
JsonFile = Annotated[Path | None, typer.Option(help="Also write the rows as JSON")]


@commands.command()
def plan(
    objects: Annotated[float, typer.Option(help="Vectors to join, such as 55.2e6")],
    dim: Annotated[int, typer.Option(help="Dimensions of a vector")],
    device: Annotated[
        str, typer.Option(help="cpu or cuda: this machine's, measured for a few seconds; or h200, h100, a100, l40s")
    ] = "cpu",
    workers: Annotated[int, typer.Option(help="How many such devices share the tile rows")] = 1,
    price: Annotated[float | None, typer.Option(help="USD per hour of one worker")] = None,
    pairs_per_object: Annotated[float, typer.Option(help="Expected pairs in the window")] = 2.0,
    hours: Annotated[float, typer.Option(help="If it takes longer, advice is printed")] = 24.0,
    json: Annotated[Path | None, typer.Option(help="Also write the bill as JSON")] = None,
) -> None:
    """Estimate what mining's exact join costs before you start it: FLOP, bytes, time and money."""
    from components.mining.bench.plan import Job, whole
    from pipelines.cli.plan import plan_join

    plan_join(Job(whole(objects), dim, workers, price, pairs_per_object, hours), device, json)


@bench.command()
def mining(
    n: Annotated[int, typer.Option(help="Vectors; a quarter and a half of them are measured too")] = 100_000,
    d: Annotated[list[int] | None, typer.Option(help="Dimensions, may be repeated (default: 64 and 128)")] = None,
    repeats: Annotated[int, typer.Option(help="Measurements of each; the median counts")] = 3,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    peers: Annotated[
        list[str] | None,
        typer.Option(
            help="torch, faiss-range, faiss-knn; cuda: torch-compare, torch-topk, faiss-gpu (default: all; ours: none)"
        ),
    ] = None,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw seconds over vectors, a PNG")] = None,
) -> None:
    """The exact window join: seconds, share of the machine's peak, pairs, memory (OMP_NUM_THREADS: threads of all)."""
    from pipelines.cli.bench import bench_mining
    from pipelines.cli.outputs import Outputs
    from pipelines.engines.family import ends_together

    with ends_together():
        bench_mining(n, d, repeats, peers, device, Outputs(json, plot))


@bench.command()
def gates(
    full: Annotated[
        bool, typer.Option("--full", help="More worlds, three sizes of run, five times as many runs")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the simulated runs: equal seeds give equal rows")] = 0,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw false passes and power, a PNG")] = None,
) -> None:
    """The retrieval-precision gate, simulated: how often it passes wrongly and rightly, against Clopper-Pearson."""
    from pipelines.cli.bench_gates import bench_gates
    from pipelines.cli.outputs import Outputs

    bench_gates(full, seed, Outputs(json, plot))


@bench.command()
def lineage(
    tuples: Annotated[list[int] | None, typer.Option(help="May be repeated (default: 45000 and 450000)")] = None,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw seconds over tuples, a PNG")] = None,
) -> None:
    """Questions about lineage on generated tables (4.5 million tuples: 15 GB of disk), against DuckDB."""
    from pipelines.cli.bench_lineage import bench_lineage
    from pipelines.cli.outputs import Outputs

    bench_lineage(tuples or [45_000, 450_000], Outputs(json, plot))


@bench.command()
def training(
    workspace: RunFolder = Path(),
    task: Annotated[
        list[str] | None, typer.Option(help="insertion or generation, may be repeated (default: both)")
    ] = None,
    blocks: Annotated[int, typer.Option(help="Turns of each loop; the first does not count")] = 21,
    steps: Annotated[int, typer.Option(help="Optimiser steps of a turn")] = 1,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the ratio of each pair, a PNG")] = None,
) -> None:
    """Training against a bare PyTorch loop that computes the same, bit for bit: images per second, waiting, peak."""
    from pipelines.cli.bench_training import bench_training
    from pipelines.cli.outputs import Outputs

    bench_training(workspace, task or ["insertion", "generation"], blocks, steps, Outputs(json, plot))


@bench.command()
def inference(
    workspace: RunFolder = Path(),
    stage: Annotated[
        list[str] | None, typer.Option(help="detection, embedding, removal, captioning; repeatable (default: all)")
    ] = None,
    rounds: Annotated[int, typer.Option(help="How often each is measured; the median counts")] = 3,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw where the seconds go, a PNG")] = None,
) -> None:
    """Stages with a network against their bare model on the same batches: images per second, where time goes."""
    from pipelines.cli.bench_inference import bench_inference
    from pipelines.cli.outputs import Outputs

    bench_inference(workspace, stage or [], rounds, Outputs(json, plot))


@bench.command(name="pipeline")
def whole_run(
    pipeline: Pipeline = "full",
    set_: Overrides = None,
    json: JsonFile = None,
    plot: Annotated[Path | None, typer.Option(help="Also draw the seconds of each stage, a PNG")] = None,
) -> None:
    """A run of the embedded photographs in a new folder, then again with nothing changed: where time goes."""
    from pipelines.cli.bench_pipeline import bench_pipeline
    from pipelines.cli.outputs import Outputs

    bench_pipeline(pipeline, set_ or [], Outputs(json, plot))
