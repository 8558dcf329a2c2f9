"""What is marked on pairs."""

from enum import IntFlag


class Flag(IntFlag):
    """The bits of the column `flags` of pairs."""

    DUPLICATE = 1  # the two photographs, or the two crops, are near-duplicates
    HUB = 2  # one of the two has more partners than the hub budget
    RESERVED = 4  # one of the two looks like an object of the benchmark, which training must not see


UNUSED = Flag.DUPLICATE | Flag.RESERVED
"""Pairs with one of these go into no set."""
