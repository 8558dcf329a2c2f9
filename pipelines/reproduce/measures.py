"""How questions are measured: each function here answers, or returns a function that answers, one question."""

from components.common.systems import MODEL
from pipelines.compare.scores import Cells
from pipelines.reproduce.answer import Answer, compared, compared_trainings
from pipelines.reproduce.evidence import Evidence, Material
from pipelines.reproduce.growth import super_linear
from pipelines.reproduce.mined import precision, usable
from pipelines.reproduce.people import agreement, read_choices
from pipelines.reproduce.question import Measure
from pipelines.reproduce.variants import Variant

MINING, INDEPENDENT = "mining IR", "independent IR"
"""What answers call the two instance-retrieval encoders: models.ir mines, models.second_ir only judges."""


def retrieval(other: str) -> Measure:
    """How often IR's nearest neighbour is right, and another encoder's."""

    def measure(question: str, material: Material) -> Answer:
        subjects, ours = material.given.hits("ir")
        return compared(question, (MINING, other.upper()), subjects, ours, material.given.hits(other)[1])

    return measure


def systems(score: str, ours: str, other: str) -> Measure:
    """A score of two systems of the given run."""

    def measure(question: str, material: Material) -> Answer:
        first, second = material.given.scores(score, ours), material.given.scores(score, other)
        samples = sorted(first.keys() & second.keys())
        subjects = [first[sample][0] for sample in samples]
        values = ([cells[sample][1] for sample in samples] for cells in (first, second))
        return compared(question, (ours, other), subjects, *values)

    return measure


def trainings(score: str, ours: Variant, other: Variant, labels: tuple[str, str]) -> Measure:
    """A score of the models of two variants, each trained from the same seeds."""

    def measure(question: str, material: Material) -> Answer:
        sides = [[Evidence(each) for each in material.runs[variant]] for variant in (ours, other)]
        every = [evidence for side in sides for evidence in side]
        if len({(each.scored.benchmark, each.scored.specs.get(score)) for each in every}) > 1:
            raise ValueError(f"the runs measured {score} differently, or on different benchmarks")
        cells = [[evidence.scores(score, MODEL) for evidence in side] for side in sides]
        samples = sorted(set.intersection(*(set(each) for side in cells for each in side)))
        subjects = [cells[0][0][sample][0] for sample in samples]
        values = ([[each[sample][1] for sample in samples] for each in side] for side in cells)
        return compared_trainings(question, labels, subjects, *values)

    return measure


def mining(what: str, variant: Variant) -> Measure:
    """What the given run mined, against the same photographs mined with another encoder. what: precision or usable."""

    def measure(question: str, material: Material) -> Answer:
        params = material.given.params
        if params.ir == getattr(params, variant.name):
            raise ValueError(f"the run itself mined with {variant.name.upper()}")
        counted = {"precision": precision, "usable": usable}[what]
        (other,) = material.runs[variant][:1]
        return counted(question, (MINING, variant.name.upper()), material.given.workspace, other)

    return measure


def growth(question: str, material: Material) -> Answer:
    """The exponent of the share of objects that recur."""
    return super_linear(question, material.given.workspace)


def people(benchmark: str, other: str, label: str) -> Measure:
    """How often IR chooses as people do, and another metric. benchmark: insertion or generation."""

    def measure(question: str, material: Material) -> Answer:
        if material.choices is None:
            raise ValueError("it needs people's choices: --choices FILE, which `objectmate review` exports")
        root = material.given.workspace.root.resolve()
        metrics = {INDEPENDENT: f"{benchmark}.second_ir", label: f"{benchmark}.{other}"}

        def cells(metric: str, system: str) -> Cells:
            run, colon, name = system.rpartition(": ")
            own = not colon or root.parts[-len(run.split("/")) :] == tuple(run.split("/"))
            return material.given.scored.of(metric, name) if own else {}

        return agreement(question, metrics, read_choices(material.choices, benchmark), cells)

    return measure
