"""Shared by the readers of human boxes: the boxes by photograph, and the annotations that cannot be used."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from components.common.data.names import SHOWN, Matches, some
from components.common.data.rejections import BOX, rejection
from components.common.errors import UserError
from components.detection.boxes import Candidate

MOST_MISSING = 1000
"""Annotations of photographs outside the collection that are listed; the others, perhaps millions, are counted."""


class Unusable(Exception):
    """An annotation that yields no candidate. reason: a key of `rejections.BOXES`; detail: a phrase about it."""

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


@dataclass
class Rejects:
    """Annotations that cannot be used. listed: reason, place in the file and detail; unlisted: how many more name a
    photograph that is not in the collection."""

    listed: list[tuple[str, str, str]] = field(default_factory=list)
    unlisted: int = 0
    _room: int = MOST_MISSING

    def add(self, place: str, unusable: Unusable) -> None:
        """Lists an annotation if there is room. place: where it is in its file."""
        missing = unusable.reason == "missing"
        if missing and not self._room:
            self.unlisted += 1
            return
        self._room -= missing
        self.listed.append((unusable.reason, place, unusable.detail))

    def rows(self) -> list[dict[str, Any]]:
        """The listed ones as rows of `rejects`."""
        return [rejection("detection", BOX, place, None, reason, detail) for reason, place, detail in self.listed]

    def examples(self, reason: str) -> str:
        """The first ones listed for a reason, as a phrase; empty if none is."""
        first = islice((f"{place}: {detail}" for each, place, detail in self.listed if each == reason), SHOWN)
        return "; ".join(first)


@dataclass
class Annotations:
    """The content of a file of boxes. contents: digests of the files; boxes: image_id -> candidates."""

    contents: dict[str, str]
    boxes: dict[str, list[Candidate]] = field(default_factory=lambda: defaultdict(list))
    rejects: Rejects = field(default_factory=Rejects)

    def check(self, address: str, matches: Matches, uris: Sequence[str]) -> None:
        """Raises `UserError` if the file names no photograph unambiguously, or none of its boxes can be used.

        uris: the photographs' own names.
        """
        if not uris:
            return
        if matches.ambiguous and not matches.uris:
            name, doubt = next(iter(matches.ambiguous.items()))
            raise UserError(f"{address} names no photograph for certain: '{name}' {doubt}; write more of the paths")
        if not matches.uris:
            named = matches.missing or [detail for reason, _, detail in self.rejects.listed if reason == "missing"]
            instead = f"it names {some(list(dict.fromkeys(named)))}, while " if named else ""
            raise UserError(
                f"{address} names none of the photographs: {instead}they are called {some(uris)}; give the annotations "
                "of this collection"
            )
        if self.rejects.listed and not self.boxes:
            _, place, detail = self.rejects.listed[0]
            raise UserError(f"no box in {address} can be used, beginning with {place} ({detail}): correct the file")


def meant(name: str, matches: Matches) -> str:
    """The uri of the photograph that a name means. Raises `Unusable` if there is none, or several."""
    if name in matches.ambiguous:
        raise Unusable("ambiguous", f"'{name}' {matches.ambiguous[name]}")
    if name not in matches.uris:
        raise Unusable("missing", f"'{name}'")
    return matches.uris[name]


def is_set(flag: Any) -> bool:
    """Whether a flag is on, in any of the spellings that programs write: 1, 1.0, true."""
    return str(flag).strip().lower() in ("1", "1.0", "true")
