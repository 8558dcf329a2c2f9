"""Parameters of encoding."""

from typing import ClassVar

from components.common.stage.params import parameter
from components.common.stage.shared import GenerationBase, InParts, OnDevice


class Params(GenerationBase, OnDevice, InParts):
    """How tuples become latents."""

    section: ClassVar[str] = "encoding"

    batch: int = parameter(8, "tuples per forward pass (five cells each)", ge=1, le=256)
