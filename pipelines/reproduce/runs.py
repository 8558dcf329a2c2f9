"""Makes the runs that questions need: ordinary runs, which continue where an earlier one was killed."""

from collections.abc import Sequence

from rich.table import Table

from components.common.errors import GateStop, StageFailed, UserError
from components.common.terminal import Terminal
from pipelines.engines.ahead import duration
from pipelines.engines.run import run_pipeline
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.plan import Planned
from pipelines.reproduce.variants import Variant


def make(planned: Sequence[Planned]) -> dict[str, str]:
    """Makes the runs in order; returns folder -> reason for those that stopped. The others are still made."""
    console, stopped = Terminal(), dict[str, str]()
    for number, each in enumerate(planned, 1):
        left = sum(later.seconds for later in planned[number - 1 :])
        console.rule(f"run {number} of {len(planned)}: {each.turn.label} ({duration(left)} left, about)", align="left")
        try:
            run_pipeline(each.request)
        except (GateStop, StageFailed, UserError) as error:
            stopped[str(each.request.folder)] = str(error)
            console.print(f"{each.request.folder} did not finish: {error}", soft_wrap=True, markup=False)
    return stopped


def by_variant(planned: Sequence[Planned]) -> dict[Variant, list[Workspace]]:
    """Variant -> where its runs are."""
    workspaces: dict[Variant, list[Workspace]] = {}
    for each in planned:
        workspaces.setdefault(each.turn.variant, []).append(each.workspace)
    return workspaces


def show(planned: Sequence[Planned], given: Workspace, quick: bool) -> None:
    """Prints what will run, what exists already, and about how long it takes, judging by the given run's records."""
    console = Terminal()
    if not planned:
        return
    table = Table("run", "what differs", "there", "from cache", "to run", "about", box=None, pad_edge=False)
    for each in planned:
        counts = (len(each.there), len(each.shared), len(each.missing))
        row = (each.turn.label, each.turn.variant.differs, *map(str, counts))
        table.add_row(*row, duration(each.seconds) if each.missing else "")
    console.print(table)
    total = duration(sum(each.seconds for each in planned))
    short = "Quick: short trainings and few steps, one training each; answers are stored separately. " if quick else ""
    console.print(
        f"{short}About {total} in all, judging by {given.root.resolve().name}, plus some time to start each run. "
        "Stop it at any time: the same command continues.",
        soft_wrap=True,
    )
