"""The pipeline as a table: the order of the stages, and which dataset of a run each role refers to.

Each stage describes itself in `components/<stage>/__init__.py`. DVC, KFP and the command line are built from both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from components import (
    assembly,
    calibration,
    captioning,
    detection,
    embedding,
    encoding,
    evaluation,
    gates,
    ingest,
    judgement,
    mining,
    removal,
    training,
)
from components.common.errors import UserError
from components.common.stage.contract import Stage


@dataclass(frozen=True)
class Step:
    """One stage in the pipeline.

    after: gates that must pass first. named: role -> dataset of the run, where their names differ.
    """

    stage: Stage
    after: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """As in `objectmate stage NAME`."""
        return self.stage.name

    @property
    def inputs(self) -> dict[str, str]:
        """Role -> dataset of the run that it reads."""
        return {role: self.named.get(role, role) for role in self.stage.inputs}

    @property
    def outputs(self) -> dict[str, str]:
        """Role -> dataset of the run that it makes."""
        return {role: self.named.get(role, role) for role in self.stage.outputs}


def _rejecting(stage: Stage, after: tuple[str, ...] = ()) -> Step:
    return Step(stage, after, {"rejects": f"{stage.name}_rejects"})


def _gate(stage: Stage) -> Step:
    return Step(stage, named={"verdicts": stage.name})


DATASET = (
    Step(ingest.STAGE),
    _gate(gates.INTAKE),
    _rejecting(detection.STAGE, after=("gate_intake",)),
    Step(embedding.STAGE),
    _gate(gates.VECTORS),
    Step(judgement.STAGE),
    Step(calibration.STAGE, after=("gate_vectors",)),
    _rejecting(mining.STAGE),
    _gate(gates.RECURRENCE),
    _rejecting(removal.STAGE, after=("gate_recurrence",)),
    _rejecting(captioning.STAGE, after=("gate_recurrence",)),
    _rejecting(assembly.STAGE),
    _gate(gates.TUPLES),
)
TRAINING = (
    Step(encoding.STAGE, after=("gate_tuples",)),
    Step(training.INSERTION, named={"model": "model_insertion"}),
    Step(training.GENERATION, named={"model": "model_generation"}),
)
EVALUATION = (
    Step(evaluation.STAGE, named={"insertion": "model_insertion", "generation": "model_generation"}),
    _gate(gates.MODEL),
)

PIPELINES: dict[str, tuple[Step, ...]] = {
    "dataset": DATASET,
    "training": TRAINING,
    "evaluation": EVALUATION,
    "full": DATASET + TRAINING + EVALUATION,
}
STEPS: dict[str, Step] = {step.name: step for step in PIPELINES["full"]}


def pipeline_steps(pipeline: str) -> tuple[Step, ...]:
    """The steps of a pipeline. Raises `UserError` if there is no such pipeline."""
    if pipeline not in PIPELINES:
        raise UserError(f"there is no pipeline '{pipeline}': choose one of {', '.join(PIPELINES)}")
    return PIPELINES[pipeline]


def last_steps(steps: Sequence[Step]) -> list[str]:
    """Names of the steps that no other of `steps` waits for. These are enough as DVC's targets, and DVC reads all its
    files again for each target."""
    awaited = {name for step in steps for name in (*step.inputs.values(), *step.after)}
    return [step.name for step in steps if awaited.isdisjoint(step.outputs.values())]


def reached_steps(pipeline: str, engine: str) -> tuple[Step, ...]:
    """The steps that an engine may run for a pipeline: DVC also brings everything before it up to date.

    Raises `UserError` if there is no such pipeline.
    """
    steps = pipeline_steps(pipeline)
    everything = PIPELINES["full"]
    return everything[: everything.index(steps[-1]) + 1] if engine == "dvc" else steps
