"""Model gate: with its own references the model keeps the object's identity better than with another object's.

A model that ignores its references scores the same either way. Samples of one subject are not independent, so whole
subjects are resampled.
"""

from pathlib import Path

import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.common.statistics import cluster_bootstrap
from components.gates.checks import Check, Gate
from components.gates.params import Model

SYSTEM, BASELINE = "objectmate", "shuffled-refs"
"""The system with its own references, and with another object's."""


def reference_gap(inputs: dict[str, Path], params: Model) -> Gate:
    """Pairs the scores of both systems by sample and bounds the mean difference."""
    own, other = (_scores(inputs["scores"], params, system) for system in (SYSTEM, BASELINE))
    samples = sorted(own.keys() & other.keys())
    gaps = [own[sample] - other[sample] for sample in samples]
    subjects = [subject for subject, _ in samples]
    known = len(set(subjects))
    interval = cluster_bootstrap(gaps, subjects, params.confidence, seed=params.seed) if gaps else None
    few = f"{known} subjects are too few, {params.min_subjects} are needed" if known < params.min_subjects else ""
    check = Check(
        "reference_gap_low",
        f"the lower end of the {params.confidence:.0%} interval of {params.metric} ({SYSTEM} minus {BASELINE})",
        interval.low if interval else float("nan"),
        low=params.min_gap,
        strict=True,
        next_step=f"evaluate more subjects with both systems on {params.task}"
        if few
        else "train longer or on more objects: the model does not use its references yet",
        undecided=few,
    )
    enough = Check(
        "subjects",
        "the number of subjects that both systems were scored on",
        known,
        low=params.min_subjects,
        next_step=check.next_step,
        undecided=few,
    )
    metrics = {"samples": float(len(gaps))}
    if interval:
        metrics |= {"reference_gap": interval.mean, "reference_gap_high": interval.high}
    return Gate("model", (check, enough), Report(metrics))


def _scores(scores: Path, params: Model, system: str) -> dict[tuple[str, str], float]:
    """(subject, sample) -> value of the metric for one system."""
    table = Dataset(scores).table(["system", "benchmark", "subject", "sample", "metric", "value"])
    wanted = {"system": system, "benchmark": params.task, "metric": params.metric}
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    return {(row["subject"], row["sample"]): row["value"] for row in table.to_pylist()}
