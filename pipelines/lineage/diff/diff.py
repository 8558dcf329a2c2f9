"""The comparison of two runs, dataset by dataset in pipeline order."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.common.data.reading import Dataset, is_complete
from components.common.errors import UserError
from components.common.stage.report import METRICS
from pipelines.engines.workspace import Workspace
from pipelines.lineage.diff.causes import UNEXPLAINED, Cause, made_by, made_from
from pipelines.lineage.diff.rows import Rows, compare_rows
from pipelines.steps import STEPS, Step

Pair = tuple[Any, Any]


@dataclass(frozen=True)
class Changed:
    """A dataset whose content differs. facts: name -> the values in the two runs, for those that differ."""

    step: str
    name: str
    rows: Rows
    facts: dict[str, Pair]


@dataclass(frozen=True)
class Diff:
    """What changed between two runs.

    first: the first dataset whose content differs, and causes why, the most certain first; empty if none differs.
    otherwise: dataset -> what differs in how it was made, though its content is equal, up to the first that differs.
    only: dataset -> the only run that has it. metrics: step -> metric -> the values in the two runs.
    """

    first: str
    causes: list[Cause]
    changed: list[Changed]
    otherwise: dict[str, list[Cause]]
    only: dict[str, str]
    metrics: dict[str, dict[str, Pair]]


def diff(before: Workspace, after: Workspace) -> Diff:
    """Compares two runs by content. Raises `UserError` if one of them has no finished dataset."""
    steps = {name: step for step in STEPS.values() for name in _in_order(step, before)}
    held = [{name for name in steps if is_complete(workspace.dataset(name))} for workspace in (before, after)]
    for workspace, names in zip((before, after), held, strict=True):
        if not names:
            raise UserError(f"there is no finished dataset in {workspace.root / 'data'}: name the folder of a run")
    both = [name for name in steps if name in held[0] & held[1]]
    differing = [name for name in both if _digest(before, name) != _digest(after, name)]
    first = differing[0] if differing else ""
    earlier = both[: both.index(first)] if first else both
    otherwise = {name: _made_from(steps[name], name, before, after) for name in earlier}
    only = {name: str(before.root if name in held[0] else after.root) for name in steps if name in held[0] ^ held[1]}
    return Diff(
        first=first,
        causes=_causes(steps[first], first, before, after) if first else [],
        changed=[_changed(steps[name], name, before, after) for name in differing],
        otherwise={name: causes for name, causes in otherwise.items() if causes},
        only=only,
        metrics={name: moved for name, step in STEPS.items() if (moved := _metrics(step, before, after))},
    )


def _in_order(step: Step, workspace: Workspace) -> list[str]:
    """The datasets that a step makes; one that it makes from another of them comes after that one."""
    outputs = workspace.outputs(step)
    complete = {role: folder for role, folder in outputs.items() if is_complete(folder)}
    own = {role: len(outputs.keys() & Dataset(folder).manifest.inputs.keys()) for role, folder in complete.items()}
    return [step.outputs[role] for role in sorted(outputs, key=lambda role: own.get(role, 0))]


def _digest(workspace: Workspace, name: str) -> str:
    return Dataset(workspace.dataset(name)).digest


def _made_from(step: Step, name: str, before: Workspace, after: Workspace) -> list[Cause]:
    return made_from(step, *(Dataset(workspace.dataset(name)).manifest for workspace in (before, after)))


def _causes(step: Step, name: str, before: Workspace, after: Workspace) -> list[Cause]:
    causes = _made_from(step, name, before, after) + made_by(step, name, before, after)
    return causes or [UNEXPLAINED]


def _changed(step: Step, name: str, before: Workspace, after: Workspace) -> Changed:
    facts = [flat(Dataset(workspace.dataset(name)).facts) for workspace in (before, after)]
    return Changed(step.name, name, compare_rows(step, name, before, after), _moved(*facts))


def _metrics(step: Step, before: Workspace, after: Workspace) -> dict[str, Pair]:
    paths = [workspace.report(step) / METRICS for workspace in (before, after)]
    if not all(path.is_file() for path in paths):
        return {}
    return _moved(*(json.loads(path.read_text(encoding="utf-8")) for path in paths))


def _moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Pair]:
    keys = [key for key in dict(before) | dict(after) if before.get(key) != after.get(key)]
    return {key: (before.get(key), after.get(key)) for key in keys}


def flat(values: Mapping[str, Any], head: str = "") -> dict[str, Any]:
    """Nested mappings as a flat one, with dotted keys."""
    flattened: dict[str, Any] = {}
    for key, value in values.items():
        flattened |= flat(value, f"{head}{key}.") if isinstance(value, Mapping) else {f"{head}{key}": value}
    return flattened
