"""Why a dataset of two runs differs: its inputs, its code, and the machine."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from components.common.data.digests import short
from components.common.data.files import read_json
from components.common.data.reading import FINISHED, Manifest
from components.common.stage.logged import run_record
from pipelines.engines.workspace import Workspace
from pipelines.steps import Step

READ = ("photographs", "passed_over")
"""The names of the folder's content in ingest's manifest; other content has the name of its parameter."""
ARITHMETIC = "arithmetic"


class Cause(NamedTuple):
    """Something that differs in how a dataset was made.

    kind: parameter, input, weights, code, library, processor, threads or non-determinism. what: its name, such as the
    parameter's key. before, after: the values in the two runs; empty for none.
    """

    kind: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        values = f": {self.before or 'none'} became {self.after or 'none'}" if self.before or self.after else ""
        return f"{self.kind} {self.what}".rstrip() + values


UNEXPLAINED = Cause("non-determinism", "(inputs, parameters, weights, code, libraries and processor are equal)", "", "")


def made_from(step: Step, before: Manifest, after: Manifest) -> list[Cause]:
    """How the inputs, parameters and weights in two manifests differ: each of these decides the bytes."""
    places = step.stage.params.places()
    causes = [_named("parameter", places.get(key, key), *pair) for key, pair in _changed(before.params, after.params)]
    causes += [_content(step, key, *pair) for key, pair in _changed(before.models, after.models)]
    return causes + [_digest("input", role, *pair) for role, pair in _changed(before.inputs, after.inputs)]


def made_by(step: Step, name: str, before: Workspace, after: Workspace) -> list[Cause]:
    """What differs in the code and the machine that made a dataset: each of these may change its bytes."""
    codes = [_code(workspace, name) for workspace in (before, after)]
    records = [_record(workspace, step) for workspace in (before, after)]
    causes = []
    if codes[0] != codes[1]:
        commits = [short(record.get("commit", "")) or "unknown" for record in records]
        shown = [f"{short(code)} (commit {commit})" for code, commit in zip(codes, commits, strict=True)]
        causes.append(Cause("code", f"of {step.stage.folder} or components/common", *shown))
    return causes + list(_machine(*(record.get("machine", {}) for record in records)))


def _machine(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Cause]:
    for key, pair in _changed(before.get("versions", {}), after.get("versions", {})):
        yield _named("library", key, *pair)
    for key, what in (("processor", ""), ("gpu", "gpu")):
        if before.get(key) != after.get(key):
            yield _named("processor", what, before.get(key), after.get(key))
    for key, pair in _changed_in_both(before.get("instruction_sets", {}), after.get("instruction_sets", {})):
        yield _named("processor", f"instruction set of {key}", *pair)
    for key, pair in _changed_in_both(before.get("threads", {}), after.get("threads", {})):
        yield _named("threads", f"of {key}", *pair)


def _content(step: Step, key: str, before: Any, after: Any) -> Cause:
    """An entry of a manifest's models: weights, the content of what a parameter names, or how networks compute."""
    if key == ARITHMETIC:
        on_cpus = all(str(value).startswith("cpu") for value in (before, after))
        return _named("threads" if on_cpus else "processor", "of the networks", before, after)
    named = key.partition(":")[0]
    read = named in READ or named in step.stage.params.naming("place")
    return _digest("input" if read else "weights", key, before, after)


def _named(kind: str, what: str, before: Any, after: Any) -> Cause:
    return Cause(kind, what, *("" if value is None else str(value) for value in (before, after)))


def _digest(kind: str, what: str, before: Any, after: Any) -> Cause:
    return Cause(kind, what, short(before or ""), short(after or ""))


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return [(key, (before.get(key), after.get(key))) for key in keys]


def _changed_in_both(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, tuple[Any, Any]]]:
    """What changed between values that both have: a library that one run did not load has no entry in that run."""
    return [(key, pair) for key, pair in _changed(before, after) if key in before and key in after]


def _code(workspace: Workspace, name: str) -> str:
    path = workspace.dataset(name) / FINISHED
    return str(read_json(path).get("code", "")) if path.is_file() else ""


def _record(workspace: Workspace, step: Step) -> dict[str, Any]:
    return run_record(workspace.report(step)) if workspace.record(step).is_file() else {}
