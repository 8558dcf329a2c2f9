"""Photographs, objects and recurrence sets in; a caption of every anchor out, read off a window around the object. It
is the text condition of subject-driven generation (the paper captions targets with an image-text model, section 3)."""

from components.captioning.params import Params
from components.common.stage.contract import Size, Stage

STAGE = Stage(
    name="captioning",
    room=__name__,
    title="Captions",
    about="Anchors -> a line of text each.",
    params=Params,
    takes="images objects sets",
    makes="captions",
    family="vision",
    size=Size(gpu=True),
    shared=True,
)
