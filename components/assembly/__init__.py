"""Assembly: sets, clean plates and captions -> training tuples, each a target picture with the inputs to make it from.

In: images, objects, sets, backgrounds, captions. Out: tuples of target, background, mask, three references and a
caption (paper, section 3.3 and Figure 5), cut as squares, and split so that no object or photograph is used for both
training and validation; and the sets that yield no tuple (`rejects`).
"""

from components.assembly.params import Params
from components.common.stage.contract import Stage

STAGE = Stage(__name__, "Training tuples", Params, "images objects sets backgrounds captions -> tuples rejects", "data")
