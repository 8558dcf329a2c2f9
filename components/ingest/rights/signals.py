"""A signal: one statement about the use of a photograph, as it was found, and what it says about training.

The three values and their rule are those of the IETF's aipref vocabulary: any "disallowed" wins, and anything not
stated is unknown. Nothing is inferred: an empty robots.txt, or a licence, allows nothing here.
"""

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple

ALLOWED, DISALLOWED, UNKNOWN = "allowed", "disallowed", "unknown"
NO_AI = frozenset(("noai", "noimageai", "noml"))
"""Values of robots tags that forbid training (DeviantArt's, and img2dataset's list)."""

_TRAINING = re.compile(r"(?:^|[\s,;])train-ai\s*=\s*\??([a-z0-9]+)")
_PLUS = "ldf/vocab/dmi-"
_YES_NO = {"n": DISALLOWED, "0": DISALLOWED, "y": ALLOWED, "1": ALLOWED}


class Signal(NamedTuple):
    """mechanism: how it was stated (labels, sidecar, headers, robots.txt, tdmrep, xmp, exif, iptc). address: where: a
    file of the collection and the line or field in it, or the field in the photograph. value: as written there.
    checked_at: ISO 8601, and checker: who checked; None where not recorded. says: `ALLOWED`, `DISALLOWED` or
    `UNKNOWN`, about training."""

    mechanism: str
    address: str
    value: str
    says: str
    checked_at: str | None = None
    checker: str | None = None

    def __str__(self) -> str:
        return f"{self.mechanism} '{self.value}' ({self.address})"


def as_row(signal: Signal, uri: str, image_id: str | None) -> dict[str, str | None]:
    """The row of `rights` of a signal about a photograph."""
    fields = signal._asdict()
    return {"uri": uri, "image_id": image_id, "train_ai": fields.pop("says"), **fields}


def train_ai(signals: Iterable[Signal]) -> str:
    """What all signals together say: disallowed if any says so, else allowed if any says so, else unknown."""
    values = {signal.says for signal in signals}
    return next((value for value in (DISALLOWED, ALLOWED) if value in values), UNKNOWN)


def says(field: str, value: str, opt_out: Collection[str] = NO_AI) -> str:
    """What the value of a field (its name in lower case) says about training. opt_out: words of rights_signal that
    forbid it."""
    text = value.strip().lower()
    if field == "content-usage":
        return _last(_TRAINING.findall(text))
    if field in ("tdm-reservation", "tdm:reservation"):
        return {"1": DISALLOWED, "0": ALLOWED}.get(text, UNKNOWN)
    if field in ("x-robots-tag", "robots"):
        return DISALLOWED if NO_AI & set(re.split(r"[\s,;:]+", text)) else UNKNOWN
    if field == "plus:datamining":
        return _data_mining(text)
    if field in ("rights_signal", "train_ai", "train-ai"):
        return _stated(text, opt_out)
    return UNKNOWN


def words(cell: str) -> set[str]:
    """The single signals in a cell, in lower case: it may hold several, separated by commas."""
    return {word.strip().lower() for word in cell.split(",")} - {""}


def _stated(text: str, opt_out: Collection[str]) -> str:
    stated = words(text)
    if stated & ({DISALLOWED, "n"} | {word.strip().lower() for word in opt_out}):
        return DISALLOWED
    usage = _last(_TRAINING.findall(text))
    return usage if usage != UNKNOWN else ALLOWED if stated & {ALLOWED, "y"} else UNKNOWN


def _last(values: list[str]) -> str:
    """The meaning of a key of a structured header: if it is repeated, the last one counts (RFC 9651)."""
    return _YES_NO.get(values[-1], UNKNOWN) if values else UNKNOWN


def _data_mining(text: str) -> str:
    """IPTC's Data Mining property: a term of the PLUS vocabulary. Every kind of "prohibited" covers training, except
    the one that refers to other constraints; that one is not a permission either, and counts as prohibited."""
    term = text.rpartition("/")[2] if _PLUS in text else text
    if term.startswith("dmi-prohibited"):
        return DISALLOWED
    return ALLOWED if term == "dmi-allowed" else UNKNOWN
