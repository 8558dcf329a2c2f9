"""How stages run in Kubeflow: their components, made from their contracts, and how artifacts become folders."""

import json
import linecache
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components.common.data.files import write_atomically
from components.common.errors import ShareDone, StageFailed, UserError
from components.common.stage.contract import Stage, find_stage
from components.common.stage.params import Share
from components.common.stage.running import execute

if TYPE_CHECKING:
    from components.common.data.reading import Dataset

FAILURE = "failure.json"
"""The note of a stage that failed, in the folder of its report or share."""


def image(family: str) -> str:
    """The container image of a family of stages.

    Set OBJECTMATE_IMAGE_<FAMILY> to an image with its digest when compiling for a cluster; the default is the name of a
    locally built image.
    """
    return os.environ.get(variable(family), f"localhost/objectmate-{family}:dev")


def variable(family: str) -> str:
    """The environment variable that names a family's image."""
    return f"OBJECTMATE_IMAGE_{family.upper()}"


def has_digest(name: str) -> bool:
    """Whether an image's name fixes its content: a tag can move, a digest cannot."""
    return bool(re.search(r"@sha256:[0-9a-f]{64}$", name))


WHOLE = """\
def {name}(params: str, {shares}{inputs}{outputs}report: Output[Artifact], metrics: Output[Metrics]) -> None:
    \"\"\"{about}\"\"\"
    from components.common.stage.kubeflow import run_component

    inputs, outputs = dict({given_inputs}), dict({given_outputs})
    run_component("{room}", "{name}", params, inputs, outputs, report, metrics{given_shares})
"""
PART = """\
def {name}_share(params: str, share: str, {inputs}part: Output[Artifact]) -> None:
    \"\"\"One worker's part of: {about}\"\"\"
    from components.common.stage.kubeflow import run_share

    run_share("{room}", "{name}", params, share, dict({given_inputs}), part)
"""


def component(stage: Stage, part: bool = False, gathers: bool = False) -> Any:
    """The Kubeflow component of a stage; with `part`, the one that makes one worker's share of it.

    gathers: the stage receives the shares that workers have made.

    KFP copies a function's source into the component, so the function is written here as text.
    """
    return _component(stage, part, gathers)


@cache
def _component(stage: Stage, part: bool, gathers: bool) -> Any:
    from kfp import dsl

    source = (PART if part else WHOLE).format(
        name=stage.name,
        room=stage.room,
        about=stage.about,
        shares="shares: Input[list[Artifact]], " if gathers else "",
        inputs="".join(f"{role}: Input[Dataset], " for role in stage.inputs),
        outputs="".join(f"{role}: Output[Dataset], " for role in stage.outputs),
        given_inputs=", ".join(f"{role}={role}" for role in stage.inputs),
        given_outputs=", ".join(f"{role}={role}" for role in stage.outputs),
        given_shares=", shares" if gathers else "",
    )
    file = f"<{stage.name}{' share' if part else ''}>"
    linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
    names = {name: getattr(dsl, name) for name in ("Artifact", "Dataset", "Input", "Metrics", "Output")}
    exec(compile(source, file, "exec"), names)
    function = names[f"{stage.name}_share" if part else stage.name]
    return dsl.component(base_image=image(stage.family), install_kfp_package=False)(function)


def run_component(
    room: str,
    name: str,
    params: str,
    inputs: Mapping[str, Any],
    outputs: Mapping[str, Any],
    report: Any,
    metrics: Any,
    shares: Sequence[Any] = (),
) -> None:
    """Runs a stage on KFP artifacts: each is a folder; digests and row counts become artifact metadata.

    room, name: where its contract is. params: its parameters as JSON text, since a KFP struct has no null and turns 1
    into 1.0. shares: the shares that `run_share` made; the rest is made here.

    Raises what the stage raises, so that a failed stage or gate fails the task.
    """
    from components.common.data.reading import Dataset
    from components.common.data.shares import gather

    sources = _hashed(inputs)
    folders = {role: Path(artifact.path) for role, artifact in outputs.items()}
    gather([Path(share.path) for share in shares], folders)
    with _failure_noted(name, Path(report.path)):
        stage_report = execute(find_stage(room, name), json.loads(params), sources, folders, Path(report.path))
    for role, artifact in outputs.items():
        artifact.metadata |= artifact_metadata(Dataset(folders[role]))
    for key, value in stage_report.metrics.items():
        metrics.log_metric(key, float(value))
    Path(metrics.path).touch()  # KFP's cache needs the file to exist, even where there is nothing to log


def artifact_metadata(dataset: "Dataset") -> dict[str, Any]:
    """What Kubeflow keeps of a dataset: its digest and seals, rows and kind, and a gate's verdicts by name."""
    known = {"digest": dataset.digest, **dataset.seals, "rows": len(dataset), "kind": dataset.manifest.kind}
    if dataset.manifest.kind == "verdicts":
        known["gates"] = {row.pop("gate"): row for row in dataset.rows()}
    return known


def run_share(room: str, name: str, params: str, share: str, inputs: Mapping[str, Any], part: Any) -> None:
    """Makes one worker's share of a stage, in one folder per role below `part`; `run_component` gathers the shares.

    share: such as `2/5`. Raises what the stage raises.
    """
    from components.common.data.shares import seal

    stage, folder = find_stage(room, name), Path(part.path)
    values = {**json.loads(params), "only": Share.read(share)}
    outputs = {role: folder / role for role in stage.outputs}
    try:
        with _failure_noted(name, folder):
            execute(stage, values, _hashed(inputs), outputs, folder)
    except ShareDone:
        seal(outputs)
        part.metadata["share"] = share


@contextmanager
def _failure_noted(name: str, folder: Path) -> Iterator[None]:
    """Notes in `folder` why the stage `name` failed, since Kubeflow's local runners only say that it did."""
    try:
        yield
    except (UserError, StageFailed) as error:
        folder.mkdir(parents=True, exist_ok=True)
        note = {"stage": name, "kind": type(error).__name__, "sentence": str(error)}
        write_atomically(folder / FAILURE, json.dumps(note).encode())
        raise


def noted_failure(folder: Path) -> Exception | None:
    """The error of the first stage that left a note below `folder`, if any."""
    notes = sorted(folder.rglob(FAILURE), key=lambda path: path.stat().st_mtime_ns)
    if not notes:
        return None
    note = json.loads(notes[0].read_text(encoding="utf-8"))
    kind = UserError if note["kind"] == UserError.__name__ else StageFailed
    return kind(f"the run stopped at {note['stage']}: {note['sentence']}")


def _hashed(inputs: Mapping[str, Any]) -> dict[str, Path]:
    """The folders of a pod's input artifacts. Raises `StageFailed` if one was damaged on its way here."""
    from components.common.data.verification import refuse_damage

    folders = {role: Path(artifact.path) for role, artifact in inputs.items()}
    for folder in folders.values():
        refuse_damage(folder)
    return folders
