"""The pipeline as a table: which stage reads and makes which datasets. DVC, KFP and the CLI are all built from it."""

from dataclasses import dataclass, field

from components.common.errors import UserError


@dataclass(frozen=True)
class Step:
    """One stage in the pipeline.

    name: the verb of `objectmate stage NAME`. run, params: dotted paths of the function and its parameters' class.
    section: dotted path of its parameters in params.yaml. inputs, outputs: role in the stage -> dataset of the run.
    after: gates that must have passed first. files: parameters that name input files or folders, not datasets.
    """

    name: str
    run: str
    params: str
    section: str
    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def room(self) -> str:
        """The folder of the stage's code, such as `components/mining`."""
        return "/".join(self.run.split(".")[:2])


def _step(name: str, takes: str, makes: str, after: str = "", files: str = "", room: str = "", **more: str) -> Step:
    """A step whose roles are called as its datasets (`role=dataset` where they are not)."""
    room = room or name
    return Step(
        name=name,
        run=more.get("run", f"components.{room}.stage:run"),
        params=more.get("params", f"components.{room}.params:Params"),
        section=more.get("section", name),
        inputs=_roles(takes),
        outputs=_roles(makes),
        after=tuple(after.split()),
        files=tuple(files.split()),
    )


def _roles(words: str) -> dict[str, str]:
    pairs = [word.split("=") for word in words.split()]
    return {pair[0]: pair[-1] for pair in pairs}


def _gate(checkpoint: str, takes: str, files: str = "") -> Step:
    return _step(
        f"gate_{checkpoint}",
        takes,
        f"verdicts=gate_{checkpoint}",
        files=files,
        room="gates",
        section=f"gates.{checkpoint}",
        params=f"components.gates.params:{checkpoint.capitalize()}",
    )


DATASET = (
    _step("ingest", "", "images quarantine subjects", files="images labels"),
    _gate("intake", "images quarantine"),
    _step("detection", "images", "objects", after="gate_intake", files="annotations class_names model"),
    _step("embedding", "objects", "embeddings reserved", files="model reserve"),
    _gate("vectors", "images objects embeddings"),
    _step(
        "calibration",
        "images objects embeddings subjects",
        "calibration labels",
        after="gate_vectors",
    ),
    _step("mining", "images objects embeddings reserved calibration", "pairs sets"),
    _gate("recurrence", "objects images pairs sets labels"),
    _step("removal", "images objects sets", "backgrounds", after="gate_recurrence", files="model unet judge"),
    _step("captioning", "images objects sets", "captions", after="gate_recurrence", files="model"),
    _step("assembly", "images objects sets backgrounds captions", "tuples"),
    _gate("tuples", "objects embeddings backgrounds tuples", files="benchmark encoder"),
)

TRAINING = (
    _step("encoding", "tuples", "latents", after="gate_tuples", files="base"),
    _step(
        "train_insertion",
        "latents",
        "model=model_insertion",
        room="training",
        section="training.insertion",
        files="base",
    ),
    _step(
        "train_generation",
        "latents",
        "model=model_generation",
        room="training",
        section="training.generation",
        files="base",
    ),
)

EVALUATION = (
    _step(
        "evaluation",
        "insertion=model_insertion generation=model_generation",
        "scores samples",
        files="benchmark clip dino ir second_ir outside",
    ),
    _gate("model", "scores"),
)

PIPELINES: dict[str, tuple[Step, ...]] = {
    "dataset": DATASET,
    "training": TRAINING,
    "evaluation": EVALUATION,
    "full": DATASET + TRAINING + EVALUATION,
}
STEPS: dict[str, Step] = {step.name: step for step in PIPELINES["full"]}


def pipeline_steps(pipeline: str) -> tuple[Step, ...]:
    """The steps of a pipeline. Raises `UserError` if there is none of this name."""
    if pipeline not in PIPELINES:
        raise UserError(f"there is no pipeline '{pipeline}': choose one of {', '.join(PIPELINES)}")
    return PIPELINES[pipeline]


def reached_steps(pipeline: str, engine: str) -> tuple[Step, ...]:
    """The steps that an engine may run for a pipeline: DVC also brings all that comes before it up to date.

    Raises `UserError` if there is no such pipeline.
    """
    steps = pipeline_steps(pipeline)
    everything = PIPELINES["full"]
    return everything[: everything.index(steps[-1]) + 1] if engine == "dvc" else steps
