"""Judgement: people's verdicts on pairs of objects, placed on the objects of this run.

Out: `judgements`, one row per pair and rater. The precision gate asks for them where labels do not say whether two
objects are the same product; the calibration never sees them. The paper does not say how its window was judged.
"""

from components.common.stage.contract import Size, Stage
from components.judgement.params import Params

STAGE = Stage(__name__, "People's verdicts", Params, "images objects -> judgements", "gates", Size("1", "2", "4Gi"))
