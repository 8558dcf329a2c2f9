"""Photographs, objects and recurrence sets in; for every anchor of a set its clean plate out: the photograph without
the object, its shadow and its reflection (the paper takes them from an ObjectDrop-style removal model, section 3). The
plates become the background input of the insertion task, and the quality of the removal is measured on each."""

from components.common.stage.contract import Size, Stage
from components.removal.params import Params

STAGE = Stage(
    name="removal",
    room=__name__,
    title="Clean plates",
    about="Anchors -> backgrounds without the object.",
    params=Params,
    takes="images objects sets",
    makes="backgrounds",
    family="vision",
    size=Size(gpu=True),
    shared=True,
)
