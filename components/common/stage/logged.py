"""What MLflow records about a stage and must still hold when lineage is checked: read from what the stage left."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value, short
from components.common.data.reading import Dataset, is_complete
from components.common.stage.report import METRICS, RECORD

LOCK_ENTRY = "dvc.lock"
"""The tag of a stage's run that holds the digest of the stage's entry in dvc.lock."""
SEAL = "seal"
"""The tag of a pipeline's run that holds the digest of its other tags; see `sealed`."""


@dataclass(frozen=True)
class LoggedDataset:
    """A dataset in MLflow's record of a stage.

    context: `input` or `output` of the stage. digest: the short one shown everywhere. source, profile: JSON.
    tags: the full sha256, the seals of what it leaves out, the kind, and DVC's hash if there is one.
    """

    context: str
    name: str
    digest: str
    source: str
    profile: str
    tags: dict[str, str]


@dataclass(frozen=True)
class LoggedStage:
    """What MLflow keeps of a stage, all of it read from what the stage left on disk.

    start, end: milliseconds since 1970. params: as text.
    """

    status: str
    start: int
    end: int
    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]
    datasets: list[LoggedDataset]


def describe_stage(
    name: str,
    report: Path,
    inputs: Mapping[str, Path],
    outputs: Mapping[str, Path],
    dvc: Mapping[str, str],
    reused: bool = False,
    failed: bool = False,
) -> LoggedStage:
    """What MLflow's record of a stage says; see `tracking.record_stage`."""
    record = run_record(report)
    start = started_at(record)
    tags = {"stage": name, "commit": record["commit"], "reused": str(reused).lower(), "host": record["host"]}
    tags |= {LOCK_ENTRY: dvc[LOCK_ENTRY]} if LOCK_ENTRY in dvc else {}
    metrics = json.loads((report / METRICS).read_text(encoding="utf-8"))
    params: dict[str, Any] = {}
    for folder in outputs.values():
        params |= Dataset(folder).manifest.params if is_complete(folder) else {}
    folders = [("input", folder) for folder in inputs.values()] + [("output", folder) for folder in outputs.values()]
    return LoggedStage(
        status="FAILED" if failed else "FINISHED",
        start=start,
        end=start + int(record["seconds"] * 1000),
        tags=tags | _verdicts(outputs),
        params={key: str(value) for key, value in params.items()},
        metrics={key: float(value) for key, value in metrics.items()},
        datasets=[describe_dataset(Dataset(each), context, dvc) for context, each in folders if is_complete(each)],
    )


def describe_dataset(dataset: Dataset, context: str, dvc: Mapping[str, str]) -> LoggedDataset:
    """MLflow's record of a dataset. context: `input` or `output` of the stage."""
    name = dataset.folder.name
    tags = {"mlflow.data.context": context, "sha256": dataset.digest, "kind": dataset.manifest.kind, **dataset.seals}
    tags |= {"dvc": dvc[name]} if name in dvc else {}
    source = json.dumps({"folder": name, "sha256": dataset.digest})
    return LoggedDataset(context, name, short(dataset.digest), source, json.dumps({"rows": len(dataset)}), tags)


def _verdicts(outputs: Mapping[str, Path]) -> dict[str, str]:
    """What a gate decided, as tags: `gate.NAME` is the verdict, `gate.NAME.reason` and `.next_step` the words."""
    datasets = [Dataset(folder) for folder in outputs.values() if is_complete(folder)]
    rows = [row for dataset in datasets if dataset.manifest.kind == "verdicts" for row in dataset.rows()]
    words = {"": "verdict", ".reason": "reason", ".next_step": "next_step"}
    return {f"gate.{row['gate']}{key}": row[column] for row in rows for key, column in words.items() if row[column]}


def run_record(report: Path) -> dict[str, Any]:
    """The run.json of a stage: when, where and by which code it ran."""
    return json.loads((report / RECORD).read_text(encoding="utf-8"))


def started_at(record: Mapping[str, Any]) -> int:
    """When a stage began, in MLflow's unit: milliseconds since 1970."""
    return int(datetime.fromisoformat(record["started_at"]).timestamp() * 1000)


OWN_TAGS = ("pipeline", "commit", "workspace", "gate.", "data.")
"""Prefixes of the tags that ObjectMate gives a pipeline's run and its seal covers; others are people's or MLflow's."""


def sealed(tags: Mapping[str, str], params: Mapping[str, str]) -> dict[str, str]:
    """The tags of a pipeline's run plus a digest of them and its parameters, which nothing else protects."""
    return dict(tags) | {SEAL: digest_value([dict(tags), dict(params)])}
