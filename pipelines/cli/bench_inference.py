"""`objectmate bench inference`: stages against their bare models, as a table and a plot for people, as JSON."""

from pathlib import Path
from typing import TYPE_CHECKING

from components.common.terminal import Terminal
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

if TYPE_CHECKING:
    from pipelines.bench.inference import Row

INCHES = (8.0, 3.4)
AIM = 0.90
"""Least share of the bare model's images per second that a stage should have."""


def bench_inference(workspace: Path, stages: list[str], rounds: int, to: Outputs) -> None:
    """Measures stages on the datasets of a run and prints a line for each."""
    from pipelines.bench.inference import bench
    from pipelines.engines.workspace import Workspace

    to.check()
    rows = bench(Workspace(workspace), stages, rounds)
    columns = ("stage", "images", "images/s", "bare model", "of bare", f"aim {AIM:.2f}", "loading")
    table = slim_table(f"inference, {rows[0].device}, threads: {rows[0].threads}", columns)
    for row in rows:
        rates = f"{row.images / row.seconds:.3g}", f"{row.images / row.bare_seconds:.3g}"
        met = "reached" if row.ratio >= AIM else "MISSED"
        table.add_row(row.stage, f"{row.images:,}", *rates, f"{row.ratio:.2f}", met, f"{row.loading:.1f} s")
    Terminal().print(table, *map(_spent, rows), _explained(), sep="\n", highlight=False)
    to.write(rows, draw)


def _spent(row: "Row") -> str:
    return f"{row.stage}: " + ", ".join(f"{part} {share:.1%}" for part, share in row.shares.items())


def _explained() -> str:
    return (
        "bare model: the same calls of the network on the same batches, repeated alone, alternating with the "
        "stage. The lines below the table say where the stage's time goes in its main thread. Loading is not counted."
    )


def draw(rows: list["Row"], path: Path) -> None:
    """A PNG: a bar for each stage, split by what its time is spent on."""
    from matplotlib.figure import Figure

    figure = Figure(INCHES, DPI, layout="constrained")
    axes = figure.subplots()
    names, left = [f"{row.stage} ({row.ratio:.2f} of bare)" for row in rows], [0.0] * len(rows)
    for part in dict.fromkeys(part for row in rows for part in row.shares):
        widths = [row.shares.get(part, 0.0) for row in rows]
        axes.barh(names, widths, left=left, label=part)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("share of the stage's time, without loading")
    figure.legend(loc="outside lower center", ncols=4, fontsize="small")
    save(figure, path)
