"""Which datasets of a run hold traces."""

from components.lineage.rows import Rows, Run
from pipelines.steps import STEPS
from pipelines.takedown.traces import Traces
from pipelines.takedown.versions import KEPT, Record, tainted


def holding(run: Run, traces: Traces) -> list[Rows]:
    """The datasets that hold traces, or were made from such datasets; without models and what was made with them."""
    every = list(run.datasets.values())
    with_ids = {rows.dataset.digest for rows in every if any(traces.found_in(path.read_bytes()) for path in rows.files)}
    records = [_record(rows) for rows in every]
    bad = tainted(with_ids, records)
    return [rows for rows in every if rows.dataset.digest in bad and maker_of(rows.name) not in KEPT]


def maker_of(dataset: str) -> str:
    """The step that makes a dataset; empty if none does."""
    return next((name for name, step in STEPS.items() if dataset in step.outputs.values()), "")


def _record(rows: Rows) -> Record:
    inputs, digest = rows.dataset.manifest.inputs.values(), rows.dataset.digest
    return Record(maker_of(rows.name), frozenset(inputs), frozenset([digest]))
