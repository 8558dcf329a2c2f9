"""The comparison of runs: the first is the reference, and each of the others is compared with it."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.common.data.reading import is_complete
from components.common.stage.yaml_text import read_yaml
from pipelines.compare.named import Named
from pipelines.compare.scores import Score, Scored, compare_scores, corrected, current_scores, sample_changes
from pipelines.engines.request import moved
from pipelines.engines.state import verdicts
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.diff import Changed, Diff, diff, flat
from pipelines.lineage.diff.rows import ADDED, LISTED, REMOVED, Row
from pipelines.steps import STEPS

LOST_PARENT = re.compile(r"its (photograph|object) \S+ is not there")
MADE_OTHERWISE = "made differently, because of what differs"
FOLLOWS = "follows from an earlier dataset"


@dataclass(frozen=True)
class Run:
    """A run that was compared.

    name: as the user gave it. folder: of its data, a temporary one if the run was restored. mlflow_run: its id in
    MLflow, or empty.
    """

    name: str
    folder: str
    mlflow_run: str


@dataclass(frozen=True)
class Parameter:
    """A parameter that differs; a value is empty where a run does not have the key."""

    key: str
    reference: str
    run: str


@dataclass(frozen=True)
class Reason:
    """Rows that were added or removed for one reason.

    what: added or removed. reason: the recorded one, or else whether the dataset was made differently or follows from
    another.
    """

    what: str
    reason: str
    rows: int


@dataclass(frozen=True)
class Rows:
    """How the rows of a dataset differ. unexplained: how many rows were not examined for reasons."""

    dataset: str
    step: str
    reference: int
    run: int
    added: int
    removed: int
    changed: int
    columns: dict[str, int]
    reasons: list[Reason]
    unexplained: int


@dataclass(frozen=True)
class Gate:
    """A gate's verdict in both runs, with its number and sentence; a verdict is empty where it has not judged."""

    name: str
    reference: str
    run: str
    reference_observed: float | None
    run_observed: float | None
    sentence: str

    @property
    def lost(self) -> bool:
        """Whether the reference passes it and the run does not."""
        return self.reference == "pass" and self.run != "pass"


@dataclass(frozen=True)
class Sample:
    """A benchmark sample, and how much better the run draws it than the reference by the benchmark's `by` score."""

    benchmark: str
    sample: str
    subject: str
    by: str
    change: float


@dataclass(frozen=True)
class Against:
    """A run compared with the reference.

    first: the first dataset whose content differs, empty if none does; causes: why, the most certain first.
    equal: datasets of the same content. only: dataset -> the folder of the run that alone has it.
    refused: score, or `EVERY_SCORE` -> why it could not be compared. samples: from the greatest loss to the greatest
    gain.
    """

    run: Run
    first: str
    causes: list[str]
    parameters: list[Parameter]
    equal: list[str]
    rows: list[Rows]
    only: dict[str, str]
    gates: list[Gate]
    scores: list[Score]
    refused: dict[str, str]
    samples: list[Sample]


@dataclass(frozen=True)
class Comparison:
    """Runs compared with a reference. tests: how many scores share Holm's correction."""

    reference: Run
    against: list[Against]
    tests: int


def compare(reference: Named, runs: Sequence[Named]) -> Comparison:
    """Compares each run with the reference. Raises `UserError` if one of them has no finished dataset."""
    scored = current_scores(reference.workspace)
    others = [current_scores(run.workspace) for run in runs]
    compared = [compare_scores(scored, other) for other in others]
    families = list(corrected([scores for scores, _ in compared]))
    against = [
        _against(reference, run, scores, refused, _samples(scores, scored, other))
        for run, other, scores, (_, refused) in zip(runs, others, families, compared, strict=True)
    ]
    return Comparison(_run(reference), against, sum(map(len, families)))


def _run(named: Named) -> Run:
    return Run(named.name, str(named.workspace.root), named.mlflow_run)


def _against(
    reference: Named, named: Named, scores: list[Score], refused: dict[str, str], samples: list[Sample]
) -> Against:
    before, after = reference.workspace, named.workspace
    difference = diff(before, after)
    return Against(
        run=_run(named),
        first=difference.first,
        causes=[str(cause) for cause in difference.causes],
        parameters=_parameters(reference, named),
        equal=_equal(difference, before, after),
        rows=[
            _rows(changed, MADE_OTHERWISE if changed.name == difference.first else FOLLOWS)
            for changed in difference.changed
        ],
        only={
            name: named.name if folder == str(after.root) else reference.name
            for name, folder in difference.only.items()
        },
        gates=_gates(before, after),
        scores=scores,
        refused=refused,
        samples=samples,
    )


def _parameters(before: Named, after: Named) -> list[Parameter]:
    """The parameters that differ; local paths are equal if they lead to the same place."""
    values = [moved(flat(read_yaml(each.workspace.params)), each.home, before.home) for each in (before, after)]
    keys = [key for key in dict.fromkeys([*values[0], *values[1]]) if values[0].get(key) != values[1].get(key)]
    return [Parameter(key, *(str(each.get(key, "")) for each in values)) for key in keys]


def _equal(difference: Diff, before: Workspace, after: Workspace) -> list[str]:
    names = [name for step in STEPS.values() for name in step.outputs.values()]
    differing = {changed.name for changed in difference.changed}
    both = [name for name in names if is_complete(before.dataset(name)) and is_complete(after.dataset(name))]
    return [name for name in both if name not in differing]


def _rows(changed: Changed, unrecorded: str) -> Rows:
    """unrecorded: the reason to show for a row for which no stage recorded one."""
    rows = changed.rows
    counted = Counter((row.what, _why(row)) for row in rows.listed if row.what in (ADDED, REMOVED))
    reasons = [Reason(what, reason or unrecorded, number) for (what, reason), number in counted.most_common()]
    beyond = max(rows.added + rows.removed + rows.changed - LISTED, 0)
    return Rows(
        changed.name, changed.step, rows.before, rows.after, rows.added, rows.removed, rows.changed, rows.columns,
        reasons, beyond,
    )  # fmt: skip


def _why(row: Row) -> str:
    """Why a row was added or removed, without details of that row: in the run that lacks it, a stage refused it or its
    parent is missing; if the row itself records a refusal, that reason. Empty if no reason is recorded."""
    side = "in the reference" if row.what == ADDED else "in this run"
    if lost := LOST_PARENT.fullmatch(row.reason):
        return f"its {lost[1]} is not there {side}"
    refused = row.reason.partition(": ")[0]
    return f"refused {side}: {refused}" if refused else str(row.key.get("reason", ""))


def _gates(before: Workspace, after: Workspace) -> list[Gate]:
    sides: list[dict[str, dict[str, Any]]] = [
        {row["gate"]: row for row in verdicts(workspace)} for workspace in (before, after)
    ]
    gates = []
    for name in dict.fromkeys([*sides[0], *sides[1]]):
        was, now = (side.get(name, {}) for side in sides)
        gates.append(
            Gate(
                name,
                reference=str(was.get("verdict", "")),
                run=str(now.get("verdict", "")),
                reference_observed=was.get("observed"),
                run_observed=now.get("observed"),
                sentence=str((now or was)["reason"]),
            )
        )
    return gates


def _samples(scores: list[Score], reference: Scored, run: Scored) -> list[Sample]:
    """The common samples of each benchmark by the independent encoder's change, the worst first."""
    samples = []
    for name in [score.name for score in scores if score.name.endswith(".second_ir")]:
        changes = sorted(sample_changes(name, reference, run).items(), key=lambda each: (each[1], each[0]))
        subjects = reference.of(name)
        benchmark = name.partition(".")[0]
        samples += [Sample(benchmark, sample, subjects[sample][0], name, change) for sample, change in changes]
    return samples
