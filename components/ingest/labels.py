"""The labels of a collection: what the rows of the table say about its photographs, and which rows are not used."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from components.common.data.labels import BOX, Label, parse
from components.common.data.names import Matches, Names
from components.common.data.storage import read_address
from components.common.errors import UserError

Refusal = tuple[str, str, str]
"""uri, or the name as written; reason, a key of `schemas.REASONS`; detail."""

_Place = tuple[str, tuple[float, ...] | None]
"""uri and box of what a row labels."""


@dataclass(frozen=True)
class Labels:
    """All rows, and which photograph each named path means (photographs are named by their uri)."""

    rows: Sequence[Label] = ()
    names: Matches = field(default_factory=lambda: Matches({}, [], {}))
    digest: str = ""

    @cached_property
    def refusals(self) -> list[Refusal]:
        """The labels that cannot be used: names without a photograph, contradictions, and damaged rows."""
        missing = [(name, "missing", "named in the labels, but not there") for name in self.names.missing]
        ambiguous = [
            (name, "ambiguous", f"this name in the labels {why}") for name, why in self.names.ambiguous.items()
        ]
        conflicts = [(uri, "conflict", _conflict(rows)) for (uri, _), rows in self._conflicts.items()]
        damaged = [
            (row.path or f"line {row.line}", "damaged", f"line {row.line} {row.flaw}") for row in self.rows if row.flaw
        ]
        return [*missing, *ambiguous, *conflicts, *damaged]

    @cached_property
    def _conflicts(self) -> dict[_Place, list[Label]]:
        """The places that are labelled as several subjects, and the rows that do so."""
        named: dict[_Place, dict[str, Label]] = defaultdict(dict)
        for row in self.rows:
            if row.subject and not row.flaw and (uri := self.names.uris.get(row.path)):
                named[uri, row.box].setdefault(row.subject, row)
        return {place: list(rows.values()) for place, rows in named.items() if len(rows) > 1}

    def rights(self) -> dict[str, dict[str, str]]:
        """uri -> column -> the first value that a row of the photograph gives."""
        given: dict[str, dict[str, str]] = defaultdict(dict)
        for row in self.rows:
            if row.rights and (uri := self.names.uris.get(row.path)):
                given[uri] = row.rights | given[uri]
        return given

    def subjects(self, image_ids: dict[str, str]) -> list[dict[str, Any]]:
        """Rows of the `subjects` dataset, for the photographs in `image_ids` (uri -> image_id), without repeats.

        Rows that give one place different subjects, and damaged ones, are left out.
        """
        records: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.rows:
            uri = self.names.uris.get(row.path, "")
            if row.flaw or uri not in image_ids or (uri, row.box) in self._conflicts:
                continue
            original = image_ids.get(self.names.uris.get(row.duplicate_of, ""))
            record: dict[str, Any] = {"image_id": image_ids[uri], "subject": row.subject, "duplicate_of": original}
            record |= dict.fromkeys(BOX) if row.box is None else dict(zip(BOX, row.box, strict=True))
            records.setdefault(tuple(record.values()), record)
        return list(records.values())


def read_labels(address: str, uris: Sequence[str]) -> Labels:
    """The labels at `address` (empty: none), matched with the photographs' uris.

    Raises `UserError` if there is no such file, it is not a table of labels, or it is uncertain which photograph a
    rights signal is about.
    """
    if not address:
        return Labels()
    data = read_address(address)
    rows = parse(data, address)
    named = dict.fromkeys(name for row in rows for name in (row.path, row.duplicate_of) if name)
    names = Names(uris).match(named)
    for row in rows:
        if row.path in names.ambiguous and row.rights and "rights_signal" in row.rights:
            raise UserError(
                f"{address} line {row.line} gives '{row.path}' a rights signal, but it {names.ambiguous[row.path]}: "
                "write more of its path"
            )
    return Labels(rows, names, sha256(data).hexdigest())


def _conflict(rows: Sequence[Label]) -> str:
    return "labelled as " + " and as ".join(f"'{row.subject}' (line {row.line})" for row in rows)
