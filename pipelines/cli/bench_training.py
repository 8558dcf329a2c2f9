"""`objectmate bench training`: our loop and a bare one as a table and a plot for people, as JSON for programs."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table

from components.common.terminal import Terminal
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

if TYPE_CHECKING:
    from components.training.bench.measure import Row

INCHES = (7.0, 4.0)
AIM = 0.97
"""Least share of the bare loop's throughput that ours should have."""


def bench_training(workspace: Path, tasks: list[str], blocks: int, block: int, to: Outputs) -> None:
    """Trains briefly on a run's latents, alternating our loop with a bare one, once per task."""
    from components.training.bench.measure import bench
    from components.training.params import Params
    from pipelines.engines.workspace import Workspace
    from pipelines.parameters import read_step
    from pipelines.steps import STEPS

    to.check()
    run, rows = Workspace(workspace), []
    for task in tasks:
        params = read_step(run.params, STEPS[f"train_{task}"])
        assert isinstance(params, Params)
        rows.append(bench(run.dataset("latents"), params, blocks, block))
    Terminal().print(_table(rows), *map(_explained, rows), sep="\n", highlight=False)
    to.write(rows, draw)


def _table(rows: list["Row"]) -> Table:
    first = rows[0]
    title = f"training, {first.device}, threads: {first.threads}, {first.precision}, batches of {first.batch}"
    columns = ("task", "loop", "images/s", "of bare", "quartiles", "waiting for data", "of peak")
    table = slim_table(title, columns)
    for row in rows:
        ratio, spread = f"{row.ratio:.3f}", f"{row.low:.3f} to {row.high:.3f}"
        ours, bare = f"{row.images_per_second:.3g}", f"{row.bare_images_per_second:.3g}"
        table.add_row(row.task, "ours", ours, ratio, spread, f"{row.waiting:.1%}", f"{row.peak_share:.1%}")
        shares = f"{row.bare_waiting:.1%}", f"{row.bare_peak_share:.1%}"
        table.add_row("", "bare PyTorch", bare, "", "", *shares, end_section=True)
    return table


def _explained(row: "Row") -> str:
    met = "reached" if row.ratio >= AIM else "MISSED"
    return (
        f"{row.task}: the aim is {AIM:g} of the bare loop's throughput: {met}. Every loss and averaged weight is equal "
        f"bit for bit. {len(row.pairs)} pairs of {row.block} steps; of peak: {row.flops / 1e9:,.0f} GFLOP per step / "
        f"seconds / {row.peak.flops / 1e9:,.0f} GFLOP/s, {row.peak.what}. Not counted: {row.starting:.1f} s until the "
        "first batch."
    )


def draw(rows: list["Row"], path: Path) -> None:
    """A PNG: for each pair, the bare loop's seconds / ours, a line for each task."""
    from matplotlib.figure import Figure

    figure = Figure(INCHES, DPI, layout="constrained")
    axes = figure.subplots()
    for row in rows:
        ratios = [bare / ours for ours, bare in row.pairs]
        axes.plot(range(1, len(ratios) + 1), ratios, marker="o", label=f"{row.task} (median {row.ratio:.3f})")
    axes.axhline(1, color="black", linewidth=1)
    axes.axhline(AIM, color="black", linestyle="dashed", linewidth=1)
    axes.set(xlabel="pair, one after the other", ylabel=f"our throughput / the bare loop's (dashed: {AIM:g})")
    axes.legend(fontsize="small")
    save(figure, path)
