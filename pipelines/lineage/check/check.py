"""The check of a workspace: its datasets in pipeline order, each against every record about it."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from components.common.counts import counted
from components.common.data.digests import short
from components.common.data.reading import FINISHED, Dataset, is_complete
from components.common.data.verification import READABLE, UNREADABLE, count_files
from components.common.errors import UserError
from components.common.stage.logged import LoggedDataset, describe_dataset
from pipelines.engines.local import logged_by_dvc
from pipelines.engines.naming import OF_THE_RUN
from pipelines.engines.state import current_steps, stops
from pipelines.engines.workspace import Workspace
from pipelines.lineage.check.finding import Difference, Finding
from pipelines.lineage.check.in_dvc import Lock
from pipelines.lineage.check.in_kubeflow import Scheduled
from pipelines.lineage.check.in_mlflow import Tracked, verdicts_of
from pipelines.lineage.check.own import in_files, in_manifest, in_parents
from pipelines.steps import STEPS, Step

MANIFEST, FILES, PARENTS, REPORT = "manifest", "files", "parents", "report"
DVC, MLFLOW, KUBEFLOW = "dvc.lock", "MLflow", "Kubeflow"
Place = tuple[str, str, Callable[[], Iterator[Finding]]]
"""The dataset (empty for a whole step), the place, and the function that finds what differs there."""


class Evidence:
    """Everything that a workspace and the records about it say of its datasets.

    compared: place -> how many datasets, files, or steps' records were compared there so far.
    """

    def __init__(self, workspace: Workspace):
        """Raises `UserError` if there is no finished dataset in the workspace."""
        self.workspace = workspace
        self.made = {name for step in STEPS.values() for name in step.outputs.values() if self._is_made(name)}
        if not self.made:
            raise UserError(f"there is no finished dataset in {workspace.root / 'data'}: run a pipeline there first")
        self.lock, self.tracked, self.scheduled = Lock(workspace), Tracked(workspace), Scheduled(workspace)
        self.damaged: set[str] = set()
        self.compared: Counter[str] = Counter()

    def _is_made(self, name: str) -> bool:
        return is_complete(self.workspace.dataset(name))

    def differences(self) -> Iterator[Difference]:
        """What differs, in pipeline order; for a dataset, first its manifest, then its files, parents and records.

        What depends on a damaged file is not compared: the damage itself is among the differences.
        """
        for step in STEPS.values():
            for dataset, place, find in self._places(step):
                findings = list(find())
                if findings and place in (MANIFEST, FILES):
                    self.damaged.add(dataset)
                yield from (Difference(step.name, dataset, place, *finding) for finding in findings)
        for place, find in ((DVC, lambda: iter(self.lock.findings)), (MLFLOW, self._run)):
            yield from (Difference("the run", "", place, *finding) for finding in find())

    def _places(self, step: Step) -> Iterator[Place]:
        for role, name in step.outputs.items():
            if name in self.made:
                yield from self._dataset(step, role, name)
            elif step.name in self.tracked.steps:
                yield name, MANIFEST, lambda: iter([Finding(MANIFEST, "a finished dataset", "none")])
        if self.made & set(step.outputs.values()):
            yield from self._step(step)

    def _dataset(self, step: Step, role: str, name: str) -> Iterator[Place]:
        folder = self.workspace.dataset(name)
        yield name, MANIFEST, lambda: self._counted(MANIFEST, 1, in_manifest(folder, step.stage.outputs[role]))
        if name not in self.damaged:
            yield name, FILES, lambda: self._counted(FILES, count_files(folder) - 1, in_files(folder))
        if name in self.damaged:
            return
        if step.name not in self.left_over:
            parents = Dataset(folder).manifest
            yield (
                name,
                PARENTS,
                lambda: self._counted(PARENTS, len(parents.inputs), in_parents(parents, step, self.digests)),
            )
        if self._locked(step):
            yield name, DVC, lambda: self._counted(DVC, 1, self.lock.dataset(step, folder))
        if self._tracked(step):
            yield name, MLFLOW, lambda: self._counted(MLFLOW, 1, self.tracked.dataset(step, folder, self._dvc(step)))
        if step.name in self.scheduled.files:
            yield name, KUBEFLOW, lambda: self._counted(KUBEFLOW, 1, self.scheduled.dataset(step, role, folder))

    def _step(self, step: Step) -> Iterator[Place]:
        """The places with a record of a step as a whole."""
        undamaged = [name for name in step.outputs.values() if name in self.made - self.damaged]
        manifests = [Dataset(self.workspace.dataset(name)).manifest for name in undamaged]
        if self._locked(step):
            yield "", DVC, lambda: self.lock.step(step, manifests, step.name not in self.left_over)
            report = self.workspace.report(step)
            if report.is_dir() or step.name not in self.left_over:  # a takedown deletes reports of models that stay
                yield "", REPORT, lambda: self._counted(REPORT, 1, self.lock.dataset(step, report))
        if self._tracked(step):
            yield "", MLFLOW, lambda: _with_report(self.tracked.step(step, self._dvc(step), self._stops(step.name)))
        elif self.tracked.run and step.name not in {*self.tracked.steps, *self.left_over}:
            yield "", MLFLOW, lambda: iter([Finding(f"run {self.tracked.id}", f"a record of {step.name}", "none")])
        if step.name in self.scheduled.files:
            yield "", KUBEFLOW, lambda: _with_report(self.scheduled.step(step))

    def _counted(self, place: str, number: int, findings: Iterator[Finding]) -> Iterator[Finding]:
        self.compared[place] += number
        return findings

    def _locked(self, step: Step) -> bool:
        return step.name in self.lock.entries and not self._stops(step.name)

    def _tracked(self, step: Step) -> bool:
        """Whether MLflow has a record of the step, and what it should say can be read here."""
        sound = self.damaged.isdisjoint((*step.inputs.values(), *step.outputs.values()))
        return step.name in self.tracked.steps and sound and self.workspace.record(step).is_file()

    def _stops(self, name: str) -> bool:
        """Whether a gate stops the run; a gate whose verdicts cannot be read is among the differences."""
        try:
            return name not in self.damaged and stops(self.workspace, name)
        except Exception:  # pyarrow raises errors of many kinds on damaged tables
            return False

    def _dvc(self, step: Step) -> dict[str, str]:
        """What MLflow should have about a step from dvc.lock."""
        return logged_by_dvc(self._entries, step) if self.tracked.engine == "dvc" else {}

    def _run(self) -> Iterator[Finding]:
        gates = [name for name in self.tracked.steps if name in STEPS and STEPS[name].stage.gate]
        sound = [name for name in gates if name in self.made - self.damaged]
        verdicts = [verdicts_of(self.workspace.dataset(name)) for name in sound]
        judged = {gate: verdict for each in verdicts for gate, verdict in each.items()}
        yield from self.tracked.whole(judged, list(self._of_the_run()))

    def _of_the_run(self) -> Iterator[LoggedDataset]:
        """What MLflow's record of the whole run should say about the datasets that can be read."""
        dvc = logged_by_dvc(self._entries) if self.tracked.engine == "dvc" else {}
        makers = {name: step.name for step in STEPS.values() for name in step.outputs.values()}
        for name, context in OF_THE_RUN.items():
            if name in self.made - self.damaged and makers[name] in self.tracked.steps:
                yield describe_dataset(Dataset(self.workspace.dataset(name)), context, dvc)

    @cached_property
    def _entries(self) -> dict[str, dict[str, Any]]:
        """The entries of dvc.lock that belong to the last run; see `lock_entries`."""
        return {name: entry for name, entry in self.lock.entries.items() if not self._stops(name)}

    @cached_property
    def digests(self) -> dict[str, str]:
        """Name -> digest of each dataset whose manifest can be read."""
        digests = {}
        for name in self.made:
            try:
                digests[name] = Dataset(self.workspace.dataset(name)).digest
            except UserError:
                continue
        return digests

    @cached_property
    def left_over(self) -> set[str]:
        """The steps whose datasets an earlier run made and the last run did not reach, so that their inputs may differ.

        MLflow's record of the last run does not have them; without MLflow, they count as left over only if a gate
        stopped the run before them.
        """
        untracked = {step.name for step in self._made_steps if step.name not in self.tracked.steps}
        if not untracked:
            return set()
        try:
            current = {step.name for step in current_steps(self.workspace)}
        except Exception:  # a damaged manifest or table, which is among the differences
            return set()
        return untracked - current if self.tracked.run or any(map(self._stops, current)) else set()

    @property
    def _made_steps(self) -> list[Step]:
        return [step for step in STEPS.values() if self.made & set(step.outputs.values())]

    def absent(self) -> list[str]:
        """What could not be compared, one sentence each."""
        made = self._made_steps
        unmade = [name for step in STEPS.values() for name in step.outputs.values() if name not in self.made]
        bare = [name for name in sorted(self.made) if not (self.workspace.dataset(name) / FINISHED).is_file()]
        unlocked = [step.name for step in made if step.name not in self.lock.entries]
        unscheduled = [step.name for step in made if step.name not in self.scheduled.files]
        reasons = {
            "not made yet": unmade,
            "left over from an earlier run, so neither their parents nor a record was compared": [
                step.name for step in made if step.name in self.left_over
            ],
            f"without {FINISHED}, so the code that made them is unknown": bare,
            "no entry in dvc.lock": unlocked if self.lock.exists else [],
            "no metadata of Kubeflow": unscheduled if self.scheduled.files else [],
        }
        lines = [f"{reason}: {', '.join(names)}" for reason, names in reasons.items() if names]
        lines += [] if self.lock.exists else ["dvc.lock: there is none"]
        recorded = self.tracked.run and self.tracked.engine == "dvc"
        code = "dvc.lock's dependencies on code, models and files: MLflow has no digest of them"
        lines += [code] if self.lock.entries and not recorded else []
        lines += [self.tracked.absent] if self.tracked.absent else []
        return lines + ([] if self.scheduled.files else ["Kubeflow: no run of its local engine is in this workspace"])

    def records(self) -> str:
        """What has been compared, in one sentence."""
        run = f", MLflow's run {short(self.tracked.id)} ({self.compared[MLFLOW]})" if self.compared[MLFLOW] else ""
        locked = f", dvc.lock ({self.compared[DVC]})" if self.compared[DVC] else ""
        scheduled = f", Kubeflow's metadata ({self.compared[KUBEFLOW]})" if self.compared[KUBEFLOW] else ""
        datasets, files = self.compared[MANIFEST], counted(self.compared[FILES], "file")
        manifests, parents = counted(datasets, "manifest"), counted(self.compared[PARENTS], "parent")
        own = f"{counted(datasets, 'dataset')}: {files} and {manifests}, {parents}"
        return f"{own}{locked}{run}{scheduled}"


def _with_report(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Findings that depend on a step's report, which may itself be damaged."""
    try:
        yield from findings
    except (OSError, ValueError, KeyError, TypeError):
        yield Finding(REPORT, READABLE, UNREADABLE)


def check(folder: Path) -> Iterator[Difference]:
    """What differs in the workspace `folder`, in order. Raises `UserError` if it has no finished dataset."""
    return Evidence(Workspace(folder)).differences()
