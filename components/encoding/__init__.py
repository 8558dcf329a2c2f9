"""Encoding: training tuples -> latents of every cell and text embeddings, computed once instead of every epoch.

The base model's autoencoder encodes target, background and the three references one by one (training tiles the grid of
the paper's section 4 from them); its text encoder encodes the caption.
"""

from components.common.stage.contract import ON_GPU, Stage
from components.encoding.params import Params

STAGE = Stage(__name__, "Latents", Params, "tuples -> latents", "training", ON_GPU)
