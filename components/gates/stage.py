"""One checkpoint: measure, let Great Expectations judge, write the verdicts, and say whether the pipeline may go on."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_folder
from components.common.data.sandbox import resolve
from components.common.data.writing import Writer
from components.common.stage.report import Report
from components.common.vision.models import weights_digest
from components.gates.checks import Gate, judge, rounded
from components.gates.conservation import conservation
from components.gates.embeddings import embeddings
from components.gates.expectations import Validator
from components.gates.intake import intake
from components.gates.leakage import leakage
from components.gates.objects import objects
from components.gates.params import Checkpoint, Intake, Model, Recurrence, Tuples, Vectors
from components.gates.reference_gap import reference_gap
from components.gates.removal import removal
from components.gates.retrieval import retrieval_precision
from components.gates.views import distinct_views
from components.gates.yields import recurrence_yield

GATES: dict[type[Checkpoint], tuple[Callable[[dict[str, Path], Any], Gate], ...]] = {
    Intake: (intake,),
    Vectors: (objects, embeddings),
    Recurrence: (retrieval_precision, distinct_views, recurrence_yield),
    Tuples: (removal, leakage, conservation),
    Model: (reference_gap,),
}


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Checkpoint) -> Report:
    """Runs the gates of the checkpoint that `params` belongs to and writes `verdicts`, one row per gate.

    The report's `stop` is set if a blocking gate does not pass. Its files hold each suite's results (JSON) and Data
    Docs (HTML). A gate that does not block leaves its verdict and lets the pipeline go on.
    """
    gates = [measure(dict(inputs), params) for measure in GATES[type(params)]]
    validator = Validator(params.blocking)
    rows: list[dict[str, Any]] = []
    documents: dict[str, str] = {}
    for gate in gates:
        met, pages = validator.validate(gate)
        unsettled = [row["gate"] for row in rows if row["verdict"] != "pass"]
        rows.append(judge(gate, met, params.blocking, unsettled))
        documents |= pages
    # Opened only now: a gate that cannot be measured leaves no half-made verdicts behind.
    with Writer(outputs["verdicts"], "verdicts", params.step(), inputs, params, _models(params)) as out:
        out.facts = {gate.name: {key: rounded(value) for key, value in _metrics(gate).items()} for gate in gates}
        if not out.done(0):
            out.write(0, rows)
    return _report(gates, rows, documents)


def _models(params: Checkpoint) -> dict[str, str]:
    if not isinstance(params, Tuples):
        return {}
    judge = {"second_ir": weights_digest(params.second_ir)}
    if not params.benchmark:
        return judge
    return judge | {"encoder": weights_digest(params.ir), "benchmark": digest_folder(resolve(params.benchmark))}


def _metrics(gate: Gate) -> dict[str, float]:
    return gate.metrics | gate.shows.metrics


def _report(gates: list[Gate], rows: list[dict[str, Any]], documents: dict[str, str]) -> Report:
    report = Report(files=dict(documents), stop=stop_sentence(rows))
    for gate, row in zip(gates, rows, strict=True):
        prefix = gate.name.replace("-", "_")
        report.metrics[f"{prefix}/pass"] = float(row["verdict"] == "pass")
        report.metrics.update({f"{prefix}/{key}": value for key, value in _metrics(gate).items()})
        report.plots.update(gate.shows.plots)
        report.figures.update(gate.shows.figures)
        report.files.update(gate.shows.files)
        report.notes.extend([describe(row), *gate.shows.notes])
    return report


def describe(row: Mapping[str, Any]) -> str:
    """A verdict as a sentence."""
    words = {"pass": "passes", "fail": "fails", "undecided": "is undecided"}
    sentence = f"The {row['gate']} gate {words[row['verdict']]}: {row['reason']}."
    return f"{sentence} Next: {row['next_step']}." if row["next_step"] else sentence


def stop_sentence(rows: list[dict[str, Any]]) -> str:
    """Why the pipeline must stop; empty if it may go on."""
    return " ".join(describe(row) for row in rows if row["blocking"] and row["verdict"] != "pass")
