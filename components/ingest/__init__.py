"""Ingest: photographs come in from a folder or `s3://` prefix, with an optional CSV of labels and rights.

Out: `images` (originals untouched, in tar shards, with size and hashes), `rights` (each statement about a photograph's
use), `quarantine` (what was refused, and why) and `subjects` (what people say is shown). The paper starts from WebLI,
COCO and Open Images photographs (section on data, Fig. 5) and says nothing about intake; the rules here are this
project's.
"""

from components.common.stage.contract import Size, Stage
from components.ingest.params import Params

STAGE = Stage(__name__, "Photographs", Params, "-> images quarantine subjects rights", "data", Size("1", "2", "4Gi"))
