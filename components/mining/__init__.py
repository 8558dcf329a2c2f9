"""Mining: embeddings and a similarity window -> all pairs inside it, and recurrence sets.

A set is an anchor with at least `min_views` views: other photographs of the same product. This is section 3 of the
paper (arXiv 2412.08645).
"""

from components.common.stage.contract import Size, Stage
from components.mining.params import Params

STAGE = Stage(
    name="mining",
    room=__name__,
    title="Recurrence sets",
    about="Vectors -> pairs in the window -> recurrence sets.",
    params=Params,
    takes="images objects embeddings reserved:embeddings calibration",
    makes="pairs sets",
    family="mining",
    size=Size("4", "16", "16Gi", gpu=True),
    shared=True,
)
