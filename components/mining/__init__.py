"""Mining: embeddings and a similarity window -> all pairs inside it, recurrence sets, and the objects without one.

A set is an anchor with at least `min_views` views: other photographs of the same product. This is section 3 of the
paper (arXiv 2412.08645).
"""

from components.common.stage.contract import Size, Stage
from components.mining.params import Params

STAGE = Stage(
    __name__,
    "Recurrence sets",
    Params,
    "images objects embeddings reserved:embeddings calibration -> pairs sets rejects",
    "mining",
    Size("4", "16", "16Gi", gpu=True),
    shared=True,
)
