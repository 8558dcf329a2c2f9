"""Calibration: embeddings and what people said about the photographs (subjects) -> the similarity window.

It also says which product each labelled object is, which the precision gate uses. Section 3 of the paper
(arXiv 2412.08645).
"""

from components.calibration.params import Params
from components.common.stage.contract import Size, Stage

STAGE = Stage(
    __name__,
    "Calibration of the similarity window",
    Params,
    "images objects embeddings subjects -> calibration identities",
    "mining",
    Size("4", "16", "16Gi"),
)
