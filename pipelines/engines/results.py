"""What a stage has made, in words."""

from typing import Any

from components.common.counts import counted
from components.common.data.files import read_json
from components.common.data.reading import Dataset
from components.common.stage.report import METRICS
from pipelines.engines.workspace import Workspace
from pipelines.steps import Step

WORDS = {
    "ingest": "{images:photograph}, {quarantine:file} refused or passed over",
    "detection": "{objects:object} in {images:photograph}",
    "embedding": "vectors of {embeddings:object}, and of {reserved} of the benchmark",
    "judgement": "{judgements:verdict} by people",
    "mining": "{sets:set} of at least {min_views} views from {objects:object}",
    "removal": "{backgrounds:background} without the object, from {sets:set}",
    "captioning": "{captions:caption} for {sets:set}",
    "assembly": "{tuples:tuple} from {sets:set}",
    "encoding": "latents of {latents:tuple}",
    "evaluation": "{scores:score} of {samples:picture}",
}
"""Step -> its result; a name is the rows of a dataset, counted in the noun after it, or a parameter."""


class RowCount(int):
    """A number of rows; formatted with a noun, such as "1 set"."""

    def __format__(self, noun: str) -> str:
        return counted(int(self), noun) if noun else f"{int(self):,}"


def result(workspace: Workspace, step: Step) -> str:
    """What a step has made: a gate's verdicts, a calibrated window, a model, or row counts."""
    outputs = {name: Dataset(workspace.dataset(name)) for name in step.outputs.values()}
    if step.stage.gate:
        return ", ".join(f"{row['gate']} {row['verdict']}" for dataset in outputs.values() for row in dataset.rows())
    metrics: dict[str, Any] = read_json(workspace.report(step) / METRICS)
    if step.name == "calibration" and "window_low" in metrics:
        return f"similarity window {metrics['window_low']:.3f} to {metrics['window_high']:.3f}"
    if step.name.startswith("train_") and "tuples" in metrics:
        return f"a model, trained on {metrics['images']:,.0f} pictures of {metrics['tuples']:,.0f} tuples"
    if step.name not in WORDS:
        return ", ".join(f"{len(dataset):,} {name}" for name, dataset in outputs.items())
    params = {key: value for dataset in outputs.values() for key, value in dataset.manifest.params.items()}
    datasets = outputs | {name: Dataset(workspace.dataset(name)) for name in step.inputs.values()}
    return WORDS[step.name].format_map(params | {name: RowCount(len(dataset)) for name, dataset in datasets.items()})
