"""Photographs, objects and recurrence sets -> a caption for every anchor, from a window around the object. It is the
text condition of subject-driven generation (the paper captions targets with an image-text model, section 3)."""

from components.captioning.params import Params
from components.common.stage.contract import ON_GPU, Stage

STAGE = Stage(__name__, "Captions", Params, "images objects sets -> captions rejects", "vision", ON_GPU, shared=True)
