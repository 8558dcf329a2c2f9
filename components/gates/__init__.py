"""Data-quality gates: five checkpoints that read what the stages before them made and write `verdicts`.

In: the datasets named by the checkpoint (photographs, objects, vectors, pairs, sets, verdicts, backgrounds, tuples or
scores). Out: one row per gate (pass, fail or undecided) with the number seen, its limit and what to do next. The
central one asks whether retrieval is right often enough: the paper sets its window where 70 % of the retrieved pairs
show the same product (section 3.1, Figure 3a); here random draws from the run's sets must show that with confidence.
"""

from components.common.stage.contract import Size, Stage
from components.gates.params import Checkpoint, Intake, Model, Recurrence, Tuples, Vectors


def _checkpoint(params: type[Checkpoint], does: str, takes: str, gpu: bool = False) -> Stage:
    named, flow = params.step(), f"{takes} -> verdicts"
    size = Size("1", "2", "4Gi", gpu)
    return Stage(__name__, f"Gates: {named}", params, flow, "gates", size, gate=True, named=named, does=does)


INTAKE = _checkpoint(Intake, "Is what came in whole and allowed?", "images quarantine")
VECTORS = _checkpoint(Vectors, "Are objects and vectors sound?", "images objects embeddings")
RECURRENCE = _checkpoint(
    Recurrence,
    "Is the retrieval precise, are the views distinct, are there enough of them?",
    "objects images pairs sets calibration identities judgements",
)
TUPLES = _checkpoint(
    Tuples,
    "Is the object gone from each background, no object or photograph on both sides of the split, and nothing lost?",
    "images quarantine objects embeddings sets backgrounds captions tuples detection_rejects:rejects "
    "mining_rejects:rejects removal_rejects:rejects captioning_rejects:rejects assembly_rejects:rejects",
    gpu=True,
)
MODEL = _checkpoint(Model, "Do the references help, beyond doubt?", "scores")
