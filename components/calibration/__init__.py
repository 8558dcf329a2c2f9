"""Calibration: embeddings and what people said about the photographs (subjects) -> the similarity window.

Also out come the labelled pairs, by which the precision gate judges. Section 3 of the paper (arXiv 2412.08645).
"""

from components.calibration.params import Params
from components.common.stage.contract import Size, Stage

STAGE = Stage(
    name="calibration",
    room=__name__,
    title="Calibration of the similarity window",
    about="Labelled pairs -> the similarity window, and the labels that judge it.",
    params=Params,
    takes="images objects embeddings subjects",
    makes="calibration labels",
    family="mining",
    size=Size("4", "16", "16Gi"),
)
