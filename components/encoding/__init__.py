"""Encoding: training tuples in; latents of every cell and text embeddings out, computed once instead of every epoch.

Target, background and the three references are each encoded alone by the base model's autoencoder (the grid of the
paper's section 4 is tiled from them in training), the caption by its text encoder.
"""

from components.common.stage.contract import Size, Stage
from components.encoding.params import Params

STAGE = Stage(
    name="encoding",
    room=__name__,
    title="Latents",
    about="Tuples -> latents and text embeddings.",
    params=Params,
    takes="tuples",
    makes="latents",
    family="training",
    size=Size(gpu=True),
)
