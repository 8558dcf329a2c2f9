"""`objectmate bench gates`: false passes and power as a table and a plot for people, as JSON for programs."""

from collections import Counter
from pathlib import Path
from typing import Any

from rich.table import Table

from components.common.terminal import Terminal
from components.gates.bench.rows import OURS, PEER, Row
from components.gates.params import Recurrence
from pipelines.cli.outputs import DPI, Outputs, save, slim_table

WIDTH_INCHES, WORLD_INCHES, FRAME_INCHES = 11.0, 0.42, 1.6
COLOURS = {OURS: "tab:blue", PEER: "tab:orange"}
MARKER_AREAS = (12, 28, 50, 80)  # points^2, from one look to the most


def bench_gates(full: bool, seed: int, to: Outputs) -> None:
    """Simulates the gate as it is by default and prints a line for each world and number of looks."""
    from components.gates.bench.simulate import bench  # loads scipy

    to.check()
    params = Recurrence()
    rows = bench(params, full, seed)
    Terminal().print(
        _table(rows, params), *_without_answers(rows), *_small(rows), _explained(params), sep="\n", highlight=False
    )
    to.write(rows, draw)


def _by_world(rows: list[Row]) -> dict[tuple[str, int], dict[str, list[Row]]]:
    """Rows by (world, sets) and procedure, in the order of their looks."""
    places: dict[tuple[str, int], dict[str, list[Row]]] = {}
    for row in rows:
        places.setdefault((row.world, row.sets), {}).setdefault(row.procedure, []).append(row)
    return places


def _table(rows: list[Row], params: Recurrence) -> Table:
    limit, expected = params.min_precision, params.expected_precision
    title = f"passes with {limit:g} right (false) and with {expected:g} right (power)"
    columns = ("world", "sets", "looks", "false: ours", "Clopper-Pearson", "power: ours", "Clopper-Pearson")
    table = slim_table(title, columns)
    for (world, sets), procedures in _by_world(rows).items():
        for ours, peer in zip(procedures[OURS], procedures[PEER], strict=True):
            false = [_figure(row.false_pass, row.false_pass_se) for row in (ours, peer)]
            power = [_figure(row.power, row.power_se) for row in (ours, peer)]
            last = ours is procedures[OURS][-1]
            table.add_row(world, f"{sets:,}" if sets else "endless", str(ours.looks), *false, *power, end_section=last)
    return table


def _figure(share: float, error: float) -> str:
    return f"{share:.3f} ± {error:.3f}" if error else f"{share:.3f} exactly"


def _without_answers(rows: list[Row]) -> list[str]:
    """What ours does where labels are incomplete and nobody answers, at the most looks."""
    return [
        f"{row.world}, {row.sets:,} sets: on labels alone ours passes {row.labels_only_false_pass:.3f} and "
        f"{row.labels_only_power:.3f}; it stays undecided until people answer. The table has their answers."
        for row in rows
        if row.labels_only_false_pass is not None and row.looks == max(other.looks for other in rows)
    ]


def _small(rows: list[Row]) -> list[str]:
    """What the table does not show of runs with fewer sets than planned draws."""
    small = sorted({row.sets for row in rows if 0 < row.sets < min(other.draws for other in rows)})
    if not small:
        return []
    return [
        f"Runs of {' or '.join(map(str, small))} sets have fewer sets than planned draws. Ours then asks for the other "
        "references until all is certain. That is not simulated: here it has not passed."
    ]


def _explained(params: Recurrence) -> str:
    return (
        f"At most {1 - params.confidence:.2f} may pass falsely. ± is one standard error. looks: how often the verdict "
        "is read. Up to 20 they are spread evenly over the planned draws; 400 follow every draw and go beyond the "
        "plan, but power counts what has passed by the plan. Both procedures judge the same runs by the same number of "
        "pairs. Ours are drawn at random, and people answer what labels leave open. Clopper-Pearson's are those of "
        "labelled products, one product after the other; where pairs are independent, that is the same."
    )


def draw(rows: list[Row], path: Path) -> None:
    """A PNG: false passes on the left, power on the right, a row per world; larger dots are more looks."""
    from matplotlib.figure import Figure

    places = _by_world(rows)
    size = (WIDTH_INCHES, FRAME_INCHES + WORLD_INCHES * len(places))
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    false, power = figure.subplots(1, 2, sharey=True)
    for place, procedures in enumerate(places.values()):
        for procedure, line in procedures.items():
            _dots(false, place, procedure, [(row.false_pass, row.false_pass_se) for row in line])
            _dots(power, place, procedure, [(row.power, row.power_se) for row in line])
    sizes = Counter(world for world, _ in places)
    names = [f"{world}, {sets:,} sets" if sizes[world] > 1 else world for world, sets in places]
    false.set_yticks(range(len(places)), names)
    false.set_ylim(len(places) - 0.5, -0.5)
    false.axvline(1 - Recurrence().confidence, color="black", linestyle="dashed", linewidth=1)
    false.set_title("passes at the limit (dashed: what is promised)", fontsize=10)
    power.set_title("passes at the expected share", fontsize=10)
    for axes in (false, power):
        axes.grid(alpha=0.3)
    looks = ", ".join(str(number) for number in sorted({row.looks for row in rows}))
    figure.supxlabel(f"share of runs, with two standard errors; from small to large dots: {looks} looks", fontsize=9)
    figure.legend(*false.get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=9)
    save(figure, path)


def _dots(axes: Any, place: int, procedure: str, figures: list[tuple[float, float]]) -> None:
    """One procedure in one world, a dot for each number of looks; the legend names it once."""
    shares, errors = zip(*figures, strict=True)
    heights = [place + (-0.14 if procedure == OURS else 0.14)] * len(figures)
    label = procedure if not place else None
    axes.scatter(shares, heights, MARKER_AREAS, COLOURS[procedure], label=label, alpha=0.8, linewidths=0)
    axes.errorbar(shares, heights, xerr=[2 * error for error in errors], color=COLOURS[procedure], fmt="none")
