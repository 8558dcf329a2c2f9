"""A place where two records of the same thing differ."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

NOTHING = "nothing"


class Finding(NamedTuple):
    """What differs: the expected value, and the one found."""

    what: str
    expected: str
    found: str


class Difference(NamedTuple):
    """A finding, with the step, the dataset (empty for a whole step) and the place of the record."""

    step: str
    dataset: str
    place: str
    what: str
    expected: str
    found: str

    def __str__(self) -> str:
        named = f"{self.step}, {self.dataset}" if self.dataset else self.step
        return f"{named}, {self.place}: {self.what}: expected {self.expected}, found {self.found}"


def unequal(what: str, expected: Any, found: Any) -> Iterator[Finding]:
    """A finding unless the two are equal."""
    if expected != found:
        yield Finding(what, _shown(expected), _shown(found))


def unequal_items(what: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Finding]:
    """A finding for each key of `expected` whose value in `found` is different or absent."""
    for key, value in expected.items():
        yield from unequal(f"{what} {key}", value, found.get(key))


def _shown(value: Any) -> str:
    return NOTHING if value is None or value == "" else str(value)
