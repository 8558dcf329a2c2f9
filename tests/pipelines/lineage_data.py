"""Runs made by hand for the tests of lineage: every dataset has a few rows, files of its kind, and true parents."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from components.common.computing import pinned_threads
from components.common.data.digests import digest_file, digest_value
from components.common.data.reading import FINISHED, Dataset
from components.common.data.schemas import SCHEMAS
from components.common.data.writing import Writer
from components.common.stage.kubeflow import artifact_metadata
from components.common.stage.params import StageParams
from components.common.stage.report import METRICS, Report
from pipelines.engines.local import task_name
from pipelines.engines.workspace import Workspace
from pipelines.parameters import render, resolve, step_params
from pipelines.steps import STEPS, Step

MACHINE: dict[str, Any] = {
    "processor": "P", "gpu": "", "instruction_sets": {}, "threads": {"cores": 2}, "versions": {"numpy": "2.0"},
}  # fmt: skip
ROWS = 4
READ = {"ingest": ("photographs", "labels"), "judgement": ("verdicts",)}
"""What these steps read besides datasets; others load weights."""


@dataclass(frozen=True)
class Made:
    """How a run differs from the plain one.

    params: `section.key` -> value. contents: dataset -> words that its values hold. rows: dataset -> its rows, in place
    of the usual ones. models: step -> entry of its manifests' models -> digest. machine, code: step -> value.
    """

    params: Mapping[str, Any] = field(default_factory=dict)
    contents: Mapping[str, str] = field(default_factory=dict)
    rows: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    models: Mapping[str, dict[str, str]] = field(default_factory=dict)
    machine: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    code: Mapping[str, str] = field(default_factory=dict)


def make_run(root: Path, made: Made | None = None) -> Workspace:
    """A workspace after a run of all steps."""
    made = made or Made()
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    values = resolve("sandbox", dict(made.params))
    workspace.params.write_text(render(values))
    with patch("os.fsync"):  # thousands of small files, which need not outlive a power failure
        for step in STEPS.values():
            _make_step(workspace, step, step_params(values, step), made)
    return workspace


def _make_step(workspace: Workspace, step: Step, params: StageParams, made: Made) -> None:
    inputs = workspace.inputs(step)
    named = READ.get(step.name, tuple(params.loads()))
    models = {name: digest_value(name) for name in named} | made.models.get(step.name, {})
    for role, kind in step.stage.outputs.items():
        name = step.outputs[role]
        word = made.contents.get(name, "")
        rows = made.rows.get(name) or [make_row(kind, number, word, step) for number in range(ROWS)]
        with pinned_threads(params), Writer(workspace.dataset(name), kind, step.name, inputs, params, models) as out:
            _write(out, kind, rows, word)
        if step.name in made.code:
            path = workspace.dataset(name) / FINISHED
            path.write_text(json.dumps(json.loads(path.read_text()) | {"code": made.code[step.name]}))
    _report(workspace, step, made)


def _report(workspace: Workspace, step: Step, made: Made) -> None:
    words = [made.contents.get(name, "") for name in step.outputs.values()]
    Report({"rows": ROWS, "score": 0.5 + len("".join(words))}).save(workspace.report(step))
    record = {
        "stage": step.name, "started_at": "2026-01-01T00:00:00+00:00", "seconds": 1.5, "host": "h", "commit": "c" * 40,
        "machine": MACHINE | made.machine.get(step.name, {}),
    }  # fmt: skip
    workspace.record(step).write_text(json.dumps(record))


def make_row(kind: str, number: int, word: str, step: Step) -> dict[str, Any]:
    """A row of a kind's schema, without the columns that say where its blobs are."""
    row = {each.name: _value(each, number, word) for each in SCHEMAS[kind] if not _is_place(kind, each.name)}
    if kind == "verdicts":
        row |= {"gate": f"{step.name}-{number}", "verdict": "pass", "blocking": True}
    return row


def _value(of: pa.Field, number: int, word: str) -> Any:
    if pa.types.is_list(of.type):
        return [_value(of.type.value_field.with_name(of.name), number, word)]
    if pa.types.is_string(of.type):
        key = of.name.endswith("_id") or of.name in ("uri", "path")
        return f"{of.name}-{number}" if key else f"{of.name}-{number}{word}"
    if pa.types.is_fixed_size_binary(of.type):
        return bytes([number]) * of.type.byte_width
    if of.name == "similarity":
        return number + len(word)
    return bool(number) if pa.types.is_boolean(of.type) else number


def _blobs(kind: str) -> list[str]:
    return [each.name.removesuffix("_offset") for each in SCHEMAS[kind] if each.name.endswith("_offset")]


def _is_place(kind: str, name: str) -> bool:
    return name in {"shard", *(f"{blob}_{end}" for blob in _blobs(kind) for end in ("offset", "length"))}


def _write(out: Writer, kind: str, rows: list[dict[str, Any]], word: str) -> None:
    """Two parts, with the files that a dataset of this kind has."""
    if kind == "model":
        rows = [_weights(out.folder, number, word) for number in range(ROWS)]
    if kind == "calibration":
        out.facts["low"], out.facts["high"] = 0.9 + len(word) / 100, 0.99
    half = len(rows) // 2
    for index, part in enumerate((rows[:half], rows[half:])):
        numbers = range(index * half, index * half + len(part))
        blobs = [{f"{blob}.png": f"{blob} {each} {word}".encode() for blob in _blobs(kind)} for each in numbers]
        vectors = np.array([[each, 1, len(word)] for each in numbers], np.float16)
        out.write(
            index,
            part,
            blobs if _blobs(kind) else None,
            vectors if kind in ("images", "embeddings") else None,
            {"latent": vectors} if kind == "latents" else None,
        )


def _weights(folder: Path, number: int, word: str) -> dict[str, Any]:
    path = folder / "pipeline" / f"{number}.safetensors"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"weights {number} {word}")
    return {"path": f"pipeline/{path.name}", "bytes": path.stat().st_size, "sha256": digest_file(path)}


def add_kubeflow(workspace: Workspace) -> None:
    """Writes what Kubeflow's local runner leaves of a run of all steps."""
    run = workspace.kubeflow.resolve() / "objectmate-full-2026"
    for step in STEPS.values():
        task = run / task_name(step.name)
        task.mkdir(parents=True)
        known = {role: artifact_metadata(Dataset(folder)) for role, folder in workspace.outputs(step).items()}
        known["report"] = {}
        known["metrics"] = json.loads((workspace.report(step) / METRICS).read_text())
        artifacts = {
            role: {"artifacts": [{"name": role, "uri": str(task / role), "metadata": metadata}]}
            for role, metadata in known.items()
        }
        (task / "executor_output.json").write_text(json.dumps({"artifacts": artifacts}))
