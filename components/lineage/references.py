"""How the rows of one dataset refer to those of another. Every answer about lineage follows this table, either way."""

from typing import NamedTuple

from components.common.data.account import REJECTING
from components.common.references import REFERENCE_NAMES

POSITION = ""
"""Rows that are referred to by their position."""


class Reference(NamedTuple):
    """Rows of `dataset` name, in `column`, rows of `source` by their column `by`.

    relation: what the named row is to the naming one. reverse: what the naming row is to the named one.
    """

    dataset: str
    column: str
    source: str
    by: str
    relation: str
    reverse: str


REFERENCES = (
    Reference("subjects", "image_id", "images", "image_id", "photograph", "label"),
    Reference("rights", "image_id", "images", "image_id", "photograph", "rights signal"),
    *(
        Reference(name, "image_id", "images", "image_id", "photograph", "rejected")
        for name in (f"{stage}_rejects" for stage in REJECTING)
    ),
    Reference("objects", "image_id", "images", "image_id", "photograph", "object"),
    Reference("judgements", "first_image", "images", "image_id", "first photograph", "judged pair"),
    Reference("judgements", "second_image", "images", "image_id", "second photograph", "judged pair"),
    *(
        Reference(f"{stage}_rejects", "key", "objects", "object_id", "object", "rejected")
        for stage in REJECTING
        if stage != "detection"  # it rejects boxes, which are not objects yet
    ),
    Reference("embeddings", "row", "objects", POSITION, "object", "vector"),
    Reference("identities", "row", "objects", POSITION, "object", "identity"),
    Reference("pairs", "src_row", "objects", POSITION, "first", "pair"),
    Reference("pairs", "dst_row", "objects", POSITION, "second", "pair"),
    Reference("sets", "anchor", "objects", POSITION, "anchor", "set, as anchor"),
    Reference("sets", "views", "objects", POSITION, "view", "set, as view"),
    Reference("backgrounds", "row", "objects", POSITION, "object", "background"),
    Reference("captions", "row", "objects", POSITION, "object", "caption"),
    Reference("tuples", "anchor", "objects", POSITION, "target", "tuple, as target"),
    Reference("tuples", "refs", "objects", POSITION, "reference", "tuple, as reference"),
    Reference("tuples", "anchor", "backgrounds", "row", "background", "tuple"),
    Reference("tuples", "anchor", "captions", "row", "caption", "tuple"),
    Reference("latents", "row", "tuples", POSITION, "tuple", "latents"),
)

IDS = {"images": "image_id", "objects": "object_id", "tuples": "tuple_id"}
"""The column that is the id of a dataset's rows. The rows of others are named by dataset and position."""

PICTURES = {
    "images": ("image",),
    "objects": ("crop",),
    "backgrounds": ("image",),
    "tuples": ("target", "background", *REFERENCE_NAMES),
}
"""Dataset -> its blobs that show photographs or parts of them; the first is the picture of the row."""
WHOLE = ("images", "backgrounds")
"""Those of them that show a photograph as a whole."""


def sources_of(dataset: str) -> list[Reference]:
    """What the rows of a dataset are made from."""
    return [reference for reference in REFERENCES if reference.dataset == dataset]


def derived_from(dataset: str) -> list[Reference]:
    """What is made from the rows of a dataset."""
    return [reference for reference in REFERENCES if reference.source == dataset]
