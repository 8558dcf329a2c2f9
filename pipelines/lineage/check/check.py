"""The check of a workspace: its datasets in pipeline order, each against everything that says something of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

from components.common.data.digests import short
from components.common.data.reading import FINISHED, Dataset, is_complete
from components.common.data.verification import count_files
from components.common.errors import UserError
from pipelines.engines.local import lock_entries
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
"""The dataset (empty for a whole step), the place, and how what differs there is found."""


class Evidence:
    """Everything that a workspace, and the records about it, say of its datasets.

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
        """What differs, in pipeline order; of a dataset first its manifest, then its files, parents and records.

        What rests on a damaged file is not compared: the damage itself is among the differences.
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
        here = [(role, name) for role, name in step.outputs.items() if name in self.made]
        for role, name in here:
            yield from self._dataset(step, role, name)
        if here:
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
            yield name, MLFLOW, lambda: self._counted(MLFLOW, 1, self._in_mlflow(step, "output", name))
        if step.name in self.scheduled.files:
            yield name, KUBEFLOW, lambda: self._counted(KUBEFLOW, 1, self.scheduled.dataset(step, role, folder))

    def _step(self, step: Step) -> Iterator[Place]:
        """The places that speak of a step as a whole."""
        whole = [name for name in step.outputs.values() if name in self.made - self.damaged]
        manifests = [Dataset(self.workspace.dataset(name)).manifest for name in whole]
        if self._locked(step):
            yield "", DVC, lambda: self.lock.step(step, manifests, step.name not in self.left_over)
            yield "", REPORT, lambda: self._counted(REPORT, 1, self.lock.dataset(step, self.workspace.report(step)))
        if self._tracked(step):
            yield "", MLFLOW, lambda: self._in_mlflow(step, "input")
        elif self.tracked.run and step.name not in self.left_over:
            yield "", MLFLOW, lambda: iter([Finding(f"run {self.tracked.id}", f"a record of {step.name}", "none")])
        if step.name in self.scheduled.files:
            yield "", KUBEFLOW, lambda: self.scheduled.step(step)

    def _counted(self, place: str, number: int, findings: Iterator[Finding]) -> Iterator[Finding]:
        self.compared[place] += number
        return findings

    def _locked(self, step: Step) -> bool:
        return step.name in self.lock.entries and not self._stops(step.name)

    def _tracked(self, step: Step) -> bool:
        """Whether MLflow has a record of the step, and what it would say is readable here."""
        sound = self.damaged.isdisjoint((*step.inputs.values(), *step.outputs.values()))
        return step.name in self.tracked.steps and sound and self.workspace.record(step).is_file()

    def _stops(self, name: str) -> bool:
        return name not in self.damaged and stops(self.workspace, name)

    def _in_mlflow(self, step: Step, context: str, only: str = "") -> Iterator[Finding]:
        """Of a dataset that the step makes, or (for its inputs) of the step as a whole."""
        entries = self._entries if self.lock.entries else {}
        expected = self.tracked.expected(step, entries, self._stops(step.name))
        found = self.tracked.datasets(step, expected, context)
        yield from (finding._replace(what=f"{name}: {finding.what}") for name, finding in found if only in ("", name))
        if not only:
            yield from self.tracked.step(step, expected)

    def _run(self) -> Iterator[Finding]:
        gates = [name for name in self.tracked.steps if name in STEPS and STEPS[name].stage.gate]
        sound = [name for name in gates if name in self.made - self.damaged]
        verdicts = [verdicts_of(self.workspace.dataset(name)) for name in sound]
        yield from self.tracked.whole({gate: verdict for each in verdicts for gate, verdict in each.items()})

    @cached_property
    def _entries(self) -> dict[str, dict]:
        return lock_entries(self.workspace)

    @cached_property
    def digests(self) -> dict[str, str]:
        """Name -> digest of each dataset whose manifest can be read."""
        found = {}
        for name in self.made:
            try:
                found[name] = Dataset(self.workspace.dataset(name)).digest
            except UserError:
                continue
        return found

    @cached_property
    def left_over(self) -> set[str]:
        """The steps whose datasets an earlier run made and the last run did not reach, so that they rest on others.

        MLflow does not count them to the last run; without it, only a gate that stopped the run before them explains
        them.
        """
        try:
            current = {step.name for step in current_steps(self.workspace)}
        except Exception:  # a damaged manifest or table, which is among the differences
            return set()
        if self.tracked.run:
            return STEPS.keys() - current - self.tracked.steps.keys()
        stopped = any(stops(self.workspace, name) for name in current)
        return STEPS.keys() - current if stopped else set()

    def absent(self) -> list[str]:
        """What there was nothing to compare with, one sentence each."""
        made = [step for step in STEPS.values() if self.made & set(step.outputs.values())]
        unmade = [name for step in STEPS.values() for name in step.outputs.values() if name not in self.made]
        bare = [name for name in sorted(self.made) if not (self.workspace.dataset(name) / FINISHED).is_file()]
        unlocked = [step.name for step in made if step.name not in self.lock.entries]
        unscheduled = [step.name for step in made if step.name not in self.scheduled.files]
        told = {
            "not made yet": unmade,
            "left over from an earlier run, so neither their parents nor a record was compared": [
                step.name for step in made if step.name in self.left_over
            ],
            f"without {FINISHED}, so the code that made them is unknown": bare,
            "no entry in dvc.lock": unlocked if self.lock.exists else [],
            "no metadata of Kubeflow": unscheduled if self.scheduled.files else [],
        }
        lines = [f"{what}: {', '.join(names)}" for what, names in told.items() if names]
        lines += [] if self.lock.exists else ["dvc.lock: there is none"]
        lines += [self.tracked.absent] if self.tracked.absent else []
        return lines + ([] if self.scheduled.files else ["Kubeflow: no run of its local engine is in this workspace"])

    def records(self) -> str:
        """What has been compared, in one sentence."""
        run = f", MLflow's run {short(self.tracked.id)} ({self.compared[MLFLOW]})" if self.compared[MLFLOW] else ""
        locked = f", dvc.lock ({self.compared[DVC]})" if self.compared[DVC] else ""
        scheduled = f", Kubeflow's metadata ({self.compared[KUBEFLOW]})" if self.compared[KUBEFLOW] else ""
        return (
            f"{self.compared[MANIFEST]} datasets: {self.compared[FILES]} files, {self.compared[PARENTS]} parents"
            f"{locked}{run}{scheduled}"
        )


def check(folder: Path) -> Iterator[Difference]:
    """What differs in the workspace `folder`, the first place first. Raises `UserError` if nothing is made there."""
    return Evidence(Workspace(folder)).differences()
