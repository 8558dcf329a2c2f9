"""The one protocol of all captioners, and the choice between them."""

from collections.abc import Sequence
from typing import Protocol

from PIL import Image

from components.captioning.params import Params
from components.captioning.texts import category_caption


class Captioner(Protocol):
    """Says what pictures show. digest: identity of its weights or code."""

    digest: str

    def caption(self, pictures: Sequence[Image.Image], categories: Sequence[str]) -> list[str]:
        """One clean line per picture; never empty. categories: each object's category according to detection."""


class CategoryCaptioner:
    """Names the category: the substitute for an image-to-text model."""

    digest = "category-1"

    def __init__(self, params: Params):
        self.max_characters = params.max_characters

    def caption(self, pictures: Sequence[Image.Image], categories: Sequence[str]) -> list[str]:
        """See `Captioner`; the pictures are ignored."""
        return [category_caption(category, self.max_characters) for category in categories]


def load_captioner(params: Params) -> Captioner:
    """The captioner that `params` choose. Raises `UserError` if its model cannot be loaded."""
    if params.kind == "category":
        return CategoryCaptioner(params)
    # transformers takes seconds to import, so only its users import it.
    from components.captioning.image_to_text import ImageToTextCaptioner

    return ImageToTextCaptioner(params)
