"""The runs that the questions need, what of them exists already, and about how long the rest takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.files import read_json
from components.common.stage.yaml_text import read_yaml
from pipelines.engines.identity import is_local
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.state import current_steps
from pipelines.engines.workspace import Workspace
from pipelines.parameters import step_params
from pipelines.reproduce.variants import Turn, request_for
from pipelines.steps import PIPELINES, STEPS, Step

GROWS = {
    "train_insertion": ("train_insertion.images",),
    "train_generation": ("train_generation.images",),
    "evaluation": ("evaluation.steps",),
}
"""Step -> the parameters to which its time is assumed to be proportional."""


@dataclass(frozen=True)
class Planned:
    """A turn with the request that makes it. there: steps whose results exist. shared: steps that another run also has,
    so that they come from the cache. missing: steps that will run -> their seconds in the given run, scaled."""

    turn: Turn
    request: Request
    there: tuple[str, ...]
    shared: tuple[str, ...]
    missing: Mapping[str, float]

    @property
    def seconds(self) -> float:
        """About how long the missing steps take."""
        return sum(self.missing.values())

    @property
    def workspace(self) -> Workspace:
        """Where the run is made."""
        return Workspace(self.request.folder)


def plan(given: Workspace, turns: Sequence[Turn]) -> list[Planned]:
    """The turns in order, each with the steps that it and earlier turns have not made yet. Writes nothing.

    Raises `UserError` if a run could not be started: all are checked before the first starts.
    """
    values = read_yaml(given.params)
    known = set(_keys(values, given.root, [step.name for step in current_steps(given)]).values())
    planned = []
    for turn in turns:
        request = request_for(given, turn)
        own, root = check_run(request).values, request.folder
        assert own is not None  # a turn never runs in the current folder
        keys = _keys(own, root, [step.name for step in PIPELINES[turn.pipeline]])
        ready = {step.name for step in current_steps(Workspace(root))} if Workspace(root).params.is_file() else set()
        there = tuple(name for name in keys if name in ready)
        shared = tuple(name for name, key in keys.items() if key in known and name not in ready)
        missing = {name: _took(given, name, values, own) for name in keys if name not in {*there, *shared}}
        planned.append(Planned(turn, request, there, shared, missing))
        known |= set(keys.values())
    return planned


def _keys(values: Mapping[str, Any], root: Path, names: Sequence[str]) -> dict[str, str]:
    """Step -> a digest of everything that decides its result: its own parameters and those of the steps before it."""
    makers = {out: step.name for step in STEPS.values() for out in step.outputs.values()}
    keys: dict[str, str] = {}
    for step in (STEPS[name] for name in names):
        before = sorted({makers[name] for name in step.inputs.values()} | set(step.after))
        keys[step.name] = digest_value([step.name, _own(values, root, step), [keys[name] for name in before]])
    return keys


def _own(values: Mapping[str, Any], root: Path, step: Step) -> list[Any]:
    """A step's parameters and the sources that they name: local ones by their path on disk, without files that do not
    exist, such as a deny list."""
    params = step_params(dict(values), step)
    files = params.naming("place")
    named = [(key, source, root / source) for key, source in params.sources()]
    located = [
        [key, str(path.resolve()) if is_local(source) and path.exists() else source]
        for key, source, path in named
        if key not in files or not is_local(source) or path.exists()
    ]
    return [params.identity(), located]


def _took(given: Workspace, name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    seconds = float(read_json(given.record(STEPS[name]))["seconds"])
    for key in GROWS.get(name, ()):
        section, parameter = key.split(".")
        seconds *= now[section][parameter] / before[section][parameter]
    return seconds
