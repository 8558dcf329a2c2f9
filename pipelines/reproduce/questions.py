"""The paper's claims that a finished run can answer, and how each is measured. Fixed before any answer is seen.

What is not here needs trainings of its own: dataset size (figure 10), sources of data (figure 16), the counterfactual
inserter (figure 17); or people: agreement of metrics with choices (table 3).
"""

from collections.abc import Callable
from dataclasses import dataclass

from pipelines.reproduce.answer import Answer, compared
from pipelines.reproduce.evidence import Evidence


@dataclass(frozen=True)
class Question:
    """claim: what the paper says. where: its figure or table. published: its numbers, in words. here: how the miniature
    measures it, and what differs from the paper."""

    name: str
    claim: str
    where: str
    published: str
    here: str
    measure: Callable[[str, Evidence], Answer]


def _retrieval(other: str) -> Callable[[str, Evidence], Answer]:
    def measure(question: str, evidence: Evidence) -> Answer:
        subjects, ours = evidence.hits("ir")
        return compared(question, ("IR", other.upper()), subjects, ours, evidence.hits(other)[1])

    return measure


def _systems(score: str, ours: str, other: str) -> Callable[[str, Evidence], Answer]:
    def measure(question: str, evidence: Evidence) -> Answer:
        first, second = evidence.scores(score, ours), evidence.scores(score, other)
        samples = sorted(first.keys() & second.keys())
        subjects = [first[sample][0] for sample in samples]
        values = ([cells[sample][1] for sample in samples] for cells in (first, second))
        return compared(question, (ours, other), subjects, *values)

    return measure


RECALL = "Share of the benchmark's photographs whose nearest neighbour among all others shows the same object."
STAND_IN = "Copy-paste stands in for the paper's baselines, which are not here."

QUESTIONS = (
    Question(
        "retrieval-ir-dino",
        "Instance-retrieval features find the same object better than DINO's.",
        "figures 2, 9 and 14",
        "shown by pictures",
        RECALL,
        _retrieval("dino"),
    ),
    Question(
        "retrieval-ir-clip",
        "Instance-retrieval features find the same object better than CLIP's.",
        "figures 2, 9 and 14",
        "shown by pictures",
        RECALL,
        _retrieval("clip"),
    ),
    Question(
        "three-references",
        "Three references keep an inserted object's identity better than one.",
        "table 1",
        "IR .858 with three, .803 with one",
        "IR by the independent encoder, on insertions from the same noise.",
        _systems("insertion.second_ir", "objectmate", "objectmate-1-ref"),
    ),
    Question(
        "insertion-identity",
        "Inserted objects keep their identity better than with the baselines.",
        "table 1",
        "IR .858; AnyDoor .738, ObjectStitch .564, Paint-by-Example .544",
        f"IR by the independent encoder. {STAND_IN}",
        _systems("insertion.second_ir", "objectmate", "copy-paste"),
    ),
    Question(
        "insertion-composition",
        "Inserted objects fit their scene better than with the baselines.",
        "table 1",
        "DINO .885; AnyDoor .822, Paint-by-Example .800, ObjectStitch .793",
        f"DINO, on the same crop as IR. {STAND_IN}",
        _systems("insertion.dino", "objectmate", "copy-paste"),
    ),
)
