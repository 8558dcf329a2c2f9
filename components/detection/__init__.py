"""Detection: the dataset `images` comes in; `objects` goes out, a crop and a box for every object worth mining, and
`rejects`, all boxes that are not.

Boxes come from human annotations (COCO JSON, Open Images CSV) or from any detector that transformers loads, as in the
paper (data section, Fig. 5: human boxes for COCO and Open Images, a detector for web photographs). The paper does not
give its crop rules; the defaults are those of Phantom-Data (arXiv 2506.18851).
"""

from components.common.stage.contract import ON_GPU, Stage
from components.detection.params import Params

STAGE = Stage(__name__, "Objects", Params, "images -> objects rejects", "vision", ON_GPU, shared=True)
