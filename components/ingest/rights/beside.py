"""Files beside a photograph that say something about it, and the captures of crawled sites.

About `mug.jpg`: `mug.json`, `mug.txt` and `mug.xmp`, or the same with its whole name (`mug.jpg.json`). img2dataset
leaves the first two: the row that it downloaded, and its caption. `mug.headers.json` holds the HTTP headers that came
with it. A text file states rights in lines such as `License: CC-BY-4.0`; its other lines are a caption.
"""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from components.ingest.rights.embedded import VALUE, xmp
from components.ingest.rights.signals import Signal, says
from components.ingest.rights.sites import CAPTURE, ROBOTS, TDMREP, load

MOST_BYTES = 1 << 20
HEADERS, ENDINGS = ".headers.json", (".json", ".txt", ".xmp")
SITES = "crawl"
FIELDS = frozenset(
    (
        *("content-usage", "x-robots-tag", "robots", "tdm-reservation", "tdm-policy"),
        *("rights_signal", "train_ai", "train-ai", "licence", "license", "copyright", "usage_terms"),
    )
)
"""Names of fields, in lower case, whose values are kept as signals."""

COLUMNS = {
    "licence": "licence",
    "license": "licence",
    "source_url": "source_url",
    "url": "source_url",
    "attribution": "attribution",
    "credit": "attribution",
    "collected_at": "collected_at",
}
"""Fields that fill a column of `images` that the labels leave empty."""

NOTHING = frozenset(("", "?", "unknown", "none", "null", "nan", "n/a"))
"""Values that programs write for "unknown"."""


class Said(NamedTuple):
    """What a file says about its photograph. columns: of `images`."""

    signals: list[Signal]
    columns: dict[str, str]


def stems(keys: Iterable[str]) -> set[str]:
    """The names that a file beside one of these photographs can have, without its own ending."""
    return {name for key in keys for name in (key, posixpath.splitext(key)[0])}


def is_about(key: str, named: Collection[str]) -> bool:
    """Whether a file is about a photograph or a crawled site. named: the `stems` of the photographs."""
    return site_file(key) is not None or stem(key) in named


def stem(key: str) -> str:
    """The name of what a file is about; empty if it is of another kind."""
    ending = next((ending for ending in (HEADERS, *ENDINGS) if key.lower().endswith(ending)), "")
    return key[: -len(ending)] if ending else ""


def site_file(key: str) -> tuple[str, str] | None:
    """Host and name of a capture of a crawled site; None for any other file."""
    folder, _, rest = key.partition("/")
    host, _, name = rest.partition("/")
    return (host.lower(), name) if folder == SITES and name in (ROBOTS, TDMREP, CAPTURE) else None


def read(key: str, data: bytes, opt_out: Collection[str]) -> Said:
    """What a file beside a photograph says. opt_out: as in `says`. Raises `ValueError` if it cannot be read."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES} bytes")
    ending = key.lower().rpartition(".")[2]
    if ending == "xmp":
        fields = xmp(data.removeprefix(b"\xef\xbb\xbf"))
        return Said([_signal("xmp", key, field, value, opt_out) for field, value in fields if value], {})
    stated = list(_in_text(data.decode("utf-8-sig")) if ending == "txt" else _in_json(data))
    own_fields = {field: value for mechanism, field, value in stated if mechanism == "sidecar"}
    checked_at, checker = (own_fields.get(name) for name in ("checked_at", "checker"))
    signals = [
        _signal(mechanism, key, field, value, opt_out)._replace(checked_at=checked_at, checker=checker)
        for mechanism, field, value in stated
        if field in FIELDS or field.startswith("exif ")
    ]
    columns = {COLUMNS[field]: value for field, value in own_fields.items() if field in COLUMNS}
    return Said(signals, {name: value for name, value in columns.items() if value.lower() not in NOTHING})


def _in_text(text: str) -> Iterator[tuple[str, str, str]]:
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() in FIELDS | COLUMNS.keys() | {"checked_at", "checker"}:
            yield "sidecar", name.strip().lower(), value.strip()


def _in_json(data: bytes) -> Iterator[tuple[str, str, str]]:
    """Mechanism, field in lower case, and value of each simple value, of each header, and of EXIF's copyright."""
    content = _object(data, "it")
    headers = content.pop("headers", {})
    exif = content.pop("exif", None)
    yield from (("sidecar", name.lower(), text) for name, value in content.items() for text in _texts(value))
    if not isinstance(headers, dict):
        raise ValueError("its headers are not a JSON object")
    yield from (("headers", name.lower(), text) for name, value in headers.items() for text in _texts(value))
    fields: Mapping[str, Any] = _object(exif, "its exif") if isinstance(exif, str) and exif.strip() else {}
    yield from (
        ("sidecar", f"exif {name}".lower(), text)
        for name, value in fields.items()
        if "copyright" in name.lower()
        for text in _texts(value)
    )


def _object(data: bytes | str, what: str) -> dict[str, Any]:
    content = load(data)
    if not isinstance(content, dict):
        raise ValueError(f"{what} is not a JSON object")
    return content


def _texts(value: Any) -> list[str]:
    """A simple value, or each of a list of them, as text."""
    values = value if isinstance(value, list) else [value]
    return [str(each).strip() for each in values if isinstance(each, str | int | float) and str(each).strip()]


def _signal(mechanism: str, key: str, field: str, value: str, opt_out: Collection[str]) -> Signal:
    return Signal(mechanism, f"{key}: {field}", value[:VALUE], says(field.lower(), value, opt_out))
