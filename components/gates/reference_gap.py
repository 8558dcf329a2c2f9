"""Model gate: with its own references the model keeps the object's identity better than with another object's.

A model that ignores its references scores the same either way. The independent encoder decides, not the one that mined
what the model learned from. Samples of one subject are not independent, so each subject counts once.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.stage.report import Report
from components.common.statistics import Interval, cluster_t
from components.common.systems import MODEL, SHUFFLED
from components.gates.checks import Check, Gate
from components.gates.params import Model


def reference_gap(inputs: dict[str, Path], params: Model) -> Gate:
    """Pairs the scores of both systems by sample and bounds the mean difference over subjects."""
    table = Dataset(inputs["scores"]).table(["system", "benchmark", "subject", "sample", "metric", "value"])
    gaps = _gaps(table, params, params.metric)
    subjects = len({subject for subject, _ in gaps})
    interval = _interval(gaps, params.confidence) if subjects > 1 else None
    few = f"{subjects} subjects are too few, {params.min_subjects} are needed" if subjects < params.min_subjects else ""
    open_ = "" if interval is None or interval.high <= params.min_gap else "neither a gap nor its absence is shown"
    check = Check(
        "reference_gap_low",
        f"the lower end of the {params.confidence:.0%} interval of {params.metric} ({MODEL} minus {SHUFFLED}, "
        f"{subjects} subjects)",
        interval.low if interval else float("nan"),
        low=params.min_gap,
        strict=True,
        next_step=_next_step(interval, subjects, params),
        undecided=few or open_,
    )
    enough = Check(
        "subjects",
        "the number of subjects that both systems were scored on",
        subjects,
        low=params.min_subjects,
        next_step=check.next_step,
        undecided=few,
    )
    metrics = {"samples": float(len(gaps)), **_by_metric(table, params)}
    if interval:
        metrics |= {"reference_gap": interval.mean, "reference_gap_high": interval.high}
    return Gate("model", (check, enough), Report(metrics))


def _interval(gaps: dict[tuple[str, str], float], confidence: float) -> Interval:
    return cluster_t(list(gaps.values()), [subject for subject, _ in gaps], confidence)


def _next_step(interval: Interval | None, subjects: int, params: Model) -> str:
    """What a person does about a gap that is not shown."""
    if interval is None or subjects < params.min_subjects:
        return f"evaluate more subjects with both systems on {params.task}"
    if interval.mean <= params.min_gap:
        return "train longer or on more objects: the model does not use its references yet"
    # The width shrinks with the root of the number of subjects.
    needed = int(np.ceil(subjects * ((interval.high - interval.mean) / (interval.mean - params.min_gap)) ** 2)) + 1
    return f"evaluate about {needed} subjects with both systems on {params.task}, or train longer"


def _gaps(table: pa.Table, params: Model, metric: str) -> dict[tuple[str, str], float]:
    """(subject, sample) -> how much higher the system scores with its own references."""
    own, other = (_scores(table, params.task, metric, system) for system in (MODEL, SHUFFLED))
    return {sample: own[sample] - other[sample] for sample in sorted(own.keys() & other.keys())}


def _by_metric(table: pa.Table, params: Model) -> dict[str, float]:
    """The gap in every other metric, which does not decide."""
    others = sorted(set(table["metric"].to_pylist()) - {params.metric})
    gaps = {metric: list(_gaps(table, params, metric).values()) for metric in others}
    return {f"reference_gap_{metric}": float(np.mean(values)) for metric, values in gaps.items() if values}


def _scores(table: pa.Table, task: str, metric: str, system: str) -> dict[tuple[str, str], float]:
    """(subject, sample) -> value of the metric for one system."""
    wanted = {"system": system, "benchmark": task, "metric": metric}
    for column, value in wanted.items():
        table = table.filter(pc.equal(table[column], value))
    return {(row["subject"], row["sample"]): row["value"] for row in table.to_pylist()}
