"""What every export describes: the stages of a workspace's current run, and the datasets that they read and made."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from components.common.data.digests import digest_value
from components.common.data.reading import MANIFEST, Dataset
from components.common.errors import UserError
from components.common.stage.report import NOTES, RECORD
from pipelines.engines.state import current_steps, verdicts
from pipelines.engines.workspace import Workspace
from pipelines.steps import Step


@dataclass(frozen=True)
class StageRun:
    """One stage as it ran.

    record: its run.json. made: dataset's name -> dataset. sources: name of a dataset that it made -> role -> name of
    the dataset that it was made from. verdicts: of its gates. notes: its report's sentences.
    """

    step: Step
    record: Mapping[str, Any]
    made: Mapping[str, Dataset]
    sources: Mapping[str, Mapping[str, str]]
    verdicts: list[dict[str, Any]]
    notes: list[str]

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def started(self) -> datetime:
        return datetime.fromisoformat(self.record["started_at"])

    @property
    def ended(self) -> datetime:
        return self.started + timedelta(seconds=self.record["seconds"])

    @cached_property
    def id(self) -> UUID:
        """The same for every export of this run of the stage: derived from its times, host, commit and digests."""
        digests = {name: dataset.digest for name, dataset in self.made.items()}
        ran = [self.record[key] for key in ("started_at", "seconds", "host", "commit")]
        return uuid5(NAMESPACE_URL, digest_value([self.name, ran, digests]))

    @property
    def reads(self) -> list[str]:
        """The names of the datasets that it read."""
        return sorted({name for sources in self.sources.values() for name in sources.values()} - self.made.keys())

    @property
    def models(self) -> dict[str, str]:
        """Role -> digest of the weights used, and of anything else outside the datasets that decided the bytes."""
        return {role: digest for made in self.made.values() for role, digest in made.manifest.models.items()}

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that decided the bytes."""
        return {key: value for made in self.made.values() for key, value in made.manifest.params.items()}

    @property
    def stop(self) -> str:
        """Why it stopped the run, with the next step; empty if it did not."""
        return " ".join(f"{row['gate']}: {row['reason']}. {row['next_step']}." for row in self.verdicts if row["stops"])


@dataclass(frozen=True)
class History:
    """A workspace's current run. name: the workspace's folder. left_out: finished datasets that are not part of it."""

    name: str
    stages: list[StageRun]
    left_out: list[str]

    @cached_property
    def datasets(self) -> dict[str, Dataset]:
        """Name -> dataset, in the order in which they were made."""
        return {name: dataset for stage in self.stages for name, dataset in stage.made.items()}

    @cached_property
    def makers(self) -> dict[str, StageRun]:
        """Name of a dataset -> the stage that made it."""
        return {name: stage for stage in self.stages for name in stage.made}

    @property
    def digest(self) -> str:
        """The digest of all datasets together: the version of what is exported."""
        return digest_value({name: dataset.digest for name, dataset in self.datasets.items()})

    @property
    def ended(self) -> datetime:
        return max(stage.ended for stage in self.stages)

    def key(self, name: str) -> str:
        """A dataset's name outside the workspace: its name here and its digest, since two may have equal content."""
        return f"{name}.{self.datasets[name].digest}"

    def parents(self, name: str) -> list[str]:
        """The names of the datasets that a dataset was made from."""
        return sorted(set(self.makers[name].sources[name].values()))


def read_history(workspace: Workspace) -> History:
    """The current run of a workspace. Raises `UserError` if no stage of it has finished."""
    judged = verdicts(workspace)
    stages = [_stage_run(workspace, step, judged) for step in current_steps(workspace)]
    if not stages:
        raise UserError(f"no stage of the run in {workspace.root} has finished: run it first, or name its --workspace")
    named = {name for stage in stages for name in stage.made}
    finished = {path.parent.name for path in workspace.dataset("").glob(f"*/{MANIFEST}")}
    return History(workspace.root.resolve().name, stages, sorted(finished - named))


def _stage_run(workspace: Workspace, step: Step, judged: list[dict[str, Any]]) -> StageRun:
    made = {name: Dataset(workspace.dataset(name)) for name in step.outputs.values()}
    names = step.inputs | step.outputs  # a dataset may be made from another of its own stage
    sources = {name: {role: names[role] for role in dataset.manifest.inputs} for name, dataset in made.items()}
    report = workspace.report(step)
    record, notes = _read(report / RECORD), _read(report / NOTES)
    return StageRun(step, record, made, sources, [row for row in judged if row["stage"] == step.name], notes)


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError):
        raise UserError(f"{path} is missing or damaged: run again to write it") from None
