"""How many reference pictures an object has: the cells of the grid that are not the target."""

from collections.abc import Sequence
from typing import TypeVar

REFERENCES = 3
REFERENCE_NAMES = tuple(f"ref{index}" for index in range(REFERENCES))
"""Blobs of a tuple."""
REFERENCE_HEADINGS = tuple(f"reference {index + 1}" for index in range(REFERENCES))
"""Columns of a contact sheet."""
Item = TypeVar("Item")


def fill_references(kept: Sequence[Item]) -> list[Item]:
    """Three references from one to three: the kept ones repeated in turn, so that no cell of the grid is empty.

    The paper does not say how to pack one reference; a repeated view needs no extra token or channel.
    """
    if not 1 <= len(kept) <= REFERENCES:
        raise ValueError(f"{len(kept)} references: give 1 to {REFERENCES}")
    return [kept[position % len(kept)] for position in range(REFERENCES)]
