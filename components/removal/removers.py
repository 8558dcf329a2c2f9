"""The one protocol of all removers, and the choice between them."""

from typing import Protocol

from PIL import Image

from components.common.vision.geometry import Box
from components.removal.areas import Framing
from components.removal.classical import ClassicalRemover
from components.removal.params import Params


class Remover(Protocol):
    """Takes an object out of a photograph. digest: identity of its weights or code."""

    framing: Framing
    digest: str

    def remove(self, image: Image.Image, box: Box, key: str) -> tuple[Image.Image, Image.Image]:
        """The clean plate (RGB, the photograph's size) and the mask of what was erased (L, 0 or 255).

        box: the object, px of the photograph. key: seeds the randomness, such as the object's id.
        """


def load_remover(params: Params) -> Remover:
    """The remover that `params` choose. Raises `UserError` if its model cannot be loaded."""
    framing = Framing(params.mask_scale, params.mask_margin, params.allowed_scale, params.window_scale, params.size)
    if params.kind == "opencv":
        return ClassicalRemover(framing, params.algorithm)
    # diffusers takes seconds to import, so only its users import it.
    if params.kind == "residual":
        from components.removal.residual import ResidualRemover

        return ResidualRemover(framing, params.remover, params.device)
    from components.removal.inpaint import InpaintRemover

    return InpaintRemover(framing, params)
