"""What a trained model is given: how many references (one per grid cell but the target), how they are cut, which
split a tuple of them belongs to, and how the model samples."""

from collections.abc import Sequence
from typing import TypeVar

REFERENCES = 3
REFERENCE_NAMES = tuple(f"ref{index}" for index in range(REFERENCES))
"""Blobs of a tuple."""
REFERENCE_HEADINGS = tuple(f"reference {index + 1}" for index in range(REFERENCES))
"""Columns of a contact sheet."""
CONTEXT, REFERENCE_SCALE = 1.7, 1.15
"""Side of a square / longer side of the object's box, as shown to a trained model: of the scene, and of a reference.
About the middle of assembly's default ranges."""
TRAIN, VALIDATION = "train", "validation"
"""The splits of training tuples."""
STEPS, GUIDANCE, GUIDANCE_TEXT = 50, 2.0, 7.5
"""Sampler steps, weight of the references, weight of the prompt. A weight of 1: what the model gives them."""
Item = TypeVar("Item")


def fill_references(references: Sequence[Item]) -> list[Item]:
    """Three references from one to three: the given ones repeated in turn, so that no cell of the grid is empty.

    The paper does not say how to pack one reference; a repeated view needs no extra token or channel.
    """
    if not 1 <= len(references) <= REFERENCES:
        raise ValueError(f"{len(references)} references: give 1 to {REFERENCES}")
    return [references[position % len(references)] for position in range(REFERENCES)]
