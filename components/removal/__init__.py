"""Photographs, objects and recurrence sets -> a clean plate for every anchor of a set: the photograph without the
object, its shadow and its reflection (the paper gets them from an ObjectDrop-style removal model, section 3). The
plates become the background input of the insertion task, and the quality of each removal is measured."""

from components.common.stage.contract import ON_GPU, Stage
from components.removal.params import Params

STAGE = Stage(
    __name__, "Clean plates", Params, "images objects sets -> backgrounds rejects", "vision", ON_GPU, shared=True
)
