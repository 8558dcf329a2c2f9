"""How many reference pictures an object has, which are the cells of the grid but the target, and how they are cut."""

from collections.abc import Sequence
from typing import TypeVar

REFERENCES = 3
REFERENCE_NAMES = tuple(f"ref{index}" for index in range(REFERENCES))
"""Blobs of a tuple."""
REFERENCE_HEADINGS = tuple(f"reference {index + 1}" for index in range(REFERENCES))
"""Columns of a contact sheet."""
CONTEXT, REFERENCE_SCALE = 1.7, 1.15
"""How a trained model is shown an object, in sides of a square / longer side of the box: the scene around it, and a
reference. About the middle of assembly's default ranges."""
Item = TypeVar("Item")


def fill_references(kept: Sequence[Item]) -> list[Item]:
    """Three references from one to three: the kept ones repeated in turn, so that no cell of the grid is empty.

    The paper does not say how to pack one reference; a repeated view needs no extra token or channel.
    """
    if not 1 <= len(kept) <= REFERENCES:
        raise ValueError(f"{len(kept)} references: give 1 to {REFERENCES}")
    return [kept[position % len(kept)] for position in range(REFERENCES)]
