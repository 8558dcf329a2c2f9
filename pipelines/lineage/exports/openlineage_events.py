"""OpenLineage 2-0-2: the start and the end of every stage that ran, with the datasets that it read and made."""

from typing import Any

from openlineage.client import event_v2 as events
from openlineage.client import facet_v2 as facets
from openlineage.client.serde import Serde

from components.common.data.reading import Dataset
from pipelines.lineage.exports.counting import files, size
from pipelines.lineage.exports.history import History, StageRun
from pipelines.lineage.exports.words import ROWS, about_column

NAMESPACE = "objectmate"
PRODUCER = "https://pypi.org/project/objectmate"
STATUS = {"pass": "pass", "fail": "fail", "undecided": "fail"}
"""A gate's verdict -> the status of a test. OpenLineage has no `undecided`; it counts as not passed."""


def openlineage(history: History) -> bytes:
    """One event per line, in the order of the stages."""
    lines = [Serde.to_json(event) + "\n" for event in run_events(history)]
    return "".join(lines).encode()


def run_events(history: History) -> list[events.RunEvent]:
    """START and COMPLETE of each stage, or START and FAIL of a gate that stopped the run."""
    return [event for stage in history.stages for event in _stage_events(history, stage)]


def _stage_events(history: History, stage: StageRun) -> list[events.RunEvent]:
    job, inputs = _job(stage), [_input(history, name) for name in stage.reads]
    end = events.RunState.FAIL if stage.stop else events.RunState.COMPLETE
    outputs = [_output(history, stage, name) for name in stage.made]
    return [
        _event(events.RunState.START, stage.started.isoformat(), stage, {}, job, inputs, []),
        _event(end, stage.ended.isoformat(), stage, _outcome(stage), job, inputs, outputs),
    ]


def _event(
    state: events.RunState,
    time: str,
    stage: StageRun,
    outcome: dict[str, Any],
    job: events.Job,
    inputs: list[events.InputDataset],
    outputs: list[events.OutputDataset],
) -> events.RunEvent:
    run = events.Run(runId=str(stage.id), facets=_run_facets(stage) | outcome)
    return events.RunEvent(
        eventType=state, eventTime=time, run=run, job=job, inputs=inputs, outputs=outputs, producer=PRODUCER
    )


def _job(stage: StageRun) -> events.Job:
    about = facets.documentation_job.DocumentationJobFacet(
        description=f"{stage.step.stage.title}: {stage.step.stage.about}", producer=PRODUCER
    )
    kind = facets.job_type_job.JobTypeJobFacet(
        processingType="BATCH", integration="OBJECTMATE", jobType="TASK", producer=PRODUCER
    )
    return events.Job(namespace=NAMESPACE, name=stage.name, facets={"documentation": about, "jobType": kind})


def _run_facets(stage: StageRun) -> dict[str, Any]:
    known = {"commit": stage.record["commit"], "host": stage.record["host"], "user": stage.record.get("user", "")}
    weights = {f"model.{role}": digest for role, digest in stage.models.items()}
    tags = [
        facets.tags_run.TagsRunFacetFields(key=key, value=value, source="OBJECTMATE")
        for key, value in (known | weights).items()
        if value
    ]
    return {"tags": facets.tags_run.TagsRunFacet(tags=tags, producer=PRODUCER)}


def _outcome(stage: StageRun) -> dict[str, Any]:
    """The tests of a gate and, if it stopped the run, the reason. They are about the run, not about one input:
    a gate judges its inputs together."""
    outcome: dict[str, Any] = {}
    if stage.verdicts:
        tests = [_test(row) for row in stage.verdicts]
        outcome["test"] = facets.test_run.TestRunFacet(tests=tests, producer=PRODUCER)
    if stage.stop:
        outcome["errorMessage"] = facets.error_message_run.ErrorMessageRunFacet(
            message=stage.stop, programmingLanguage="python", producer=PRODUCER
        )
    return outcome


def _test(row: dict[str, Any]) -> facets.test_run.TestExecution:
    return facets.test_run.TestExecution(
        name=row["gate"],
        status=STATUS[row["verdict"]],
        severity="error" if row["blocking"] else "warn",
        type="gate",
        description=row["reason"],
        expected=_number(row["limit"]),
        actual=_number(row["observed"]),
        params={"verdict": row["verdict"], "next_step": row["next_step"]},
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _input(history: History, name: str) -> events.InputDataset:
    return events.InputDataset(
        namespace=NAMESPACE, name=_named(history, name), facets=_dataset_facets(history.datasets[name])
    )


def _output(history: History, stage: StageRun, name: str) -> events.OutputDataset:
    dataset = stage.made[name]
    statistics = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
        rowCount=len(dataset), size=size(dataset), fileCount=len(files(dataset)), producer=PRODUCER
    )
    lineage = facets.lineage.LineageDatasetFacet(
        inputs=[
            facets.lineage.LineageDatasetInput(namespace=NAMESPACE, name=_named(history, parent), type="DATASET")
            for parent in history.parents(name)
        ],
        producer=PRODUCER,
    )
    return events.OutputDataset(
        namespace=NAMESPACE,
        name=_named(history, name),
        facets=_dataset_facets(dataset) | {"lineage": lineage},
        outputFacets={"outputStatistics": statistics},
    )


def _named(history: History, name: str) -> str:
    """The dataset's name after the workspace's, since other workspaces use the same names."""
    return f"{history.name}/{name}"


def _dataset_facets(dataset: Dataset) -> dict[str, Any]:
    fields = [
        facets.schema_dataset.SchemaDatasetFacetFields(
            name=field["name"], type=field["type"], description=_about(field), ordinal_position=place
        )
        for place, field in enumerate(dataset.manifest.schema, 1)
    ]
    kind = dataset.manifest.kind
    return {
        "version": facets.dataset_version_dataset.DatasetVersionDatasetFacet(
            datasetVersion=dataset.digest, producer=PRODUCER
        ),
        "schema": facets.schema_dataset.SchemaDatasetFacet(fields=fields, producer=PRODUCER),
        "documentation": facets.documentation_dataset.DocumentationDatasetFacet(
            description=f"One row is {ROWS.get(kind, kind)}.", producer=PRODUCER
        ),
    }


def _about(field: dict[str, str]) -> str:
    return about_column(field["name"]) + (f" ({field['unit']})" if field["unit"] else "")
