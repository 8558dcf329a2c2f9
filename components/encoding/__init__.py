"""Encoding: training tuples in; latents of every cell and text embeddings out, computed once instead of every epoch.

Target, background and the three references are each encoded alone by the base model's autoencoder (the grid of the
paper's section 4 is tiled from them in training), the caption by its text encoder.
"""

from components.common.stage.contract import ON_GPU, Stage
from components.encoding.params import Params

STAGE = Stage(__name__, "Latents", Params, "tuples -> latents", "training", ON_GPU)
