"""What a photograph's own metadata says about its use: XMP, EXIF and IPTC fields.

Metadata is untrusted; `components.common.vision.xmp` says how its packets are read.
"""

import io
from collections.abc import Iterator
from itertools import islice

from PIL import Image, IptcImagePlugin

from components.common.vision.formats import decoders, without_long_texts
from components.common.vision.xmp import RDF, packets, parse
from components.ingest.rights.signals import UNKNOWN, Signal, says

CHECKER = "ingest"
STATEMENTS, VALUE = 100, 2000
"""Statements read from one packet; characters kept of one value."""

_NAMESPACES = {
    "dc": ("http://purl.org/dc/elements/1.1/", ("rights", "creator")),
    "xmpRights": ("http://ns.adobe.com/xap/1.0/rights/", ("UsageTerms", "WebStatement", "Marked", "Owner")),
    "plus": ("http://ns.useplus.org/ldf/xmp/1.0/", ("DataMining", "OtherConstraints", "LicensorURL")),
    "Iptc4xmpExt": ("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", ("DigitalSourceType",)),
    "cc": ("http://creativecommons.org/ns#", ("license",)),
    "tdm": ("http://www.w3.org/ns/tdmrep/", ("reservation", "policy")),
}
_FIELDS = {f"{{{uri}}}{name}": f"{prefix}:{name}" for prefix, (uri, names) in _NAMESPACES.items() for name in names}
_EXIF = {0x8298: "Copyright", 0x013B: "Artist"}
_IPTC = {(2, 116): "CopyrightNotice", (2, 40): "SpecialInstructions", (2, 110): "Credit"}


def embedded(data: bytes) -> list[Signal]:
    """The signals in the bytes of a photograph; metadata that cannot be read is a signal that says nothing."""
    return [*dict.fromkeys([*_of_packets(data), *_of_header(data)])]


def xmp(packet: bytes) -> Iterator[tuple[str, str]]:
    """Field and value of each statement of rights in an XMP packet. Raises `ValueError` if it cannot be read."""
    for element in parse(packet).iter():
        yield from ((_FIELDS[name], value.strip()) for name, value in element.attrib.items() if name in _FIELDS)
        if element.tag in _FIELDS:
            inner = " ".join(part.strip() for part in element.itertext() if part.strip())
            yield _FIELDS[element.tag], element.get(f"{{{RDF}}}resource", inner)


def _of_packets(data: bytes) -> Iterator[Signal]:
    for packet in packets(data):
        try:
            yield from (_signal("xmp", field, value) for field, value in islice(xmp(packet), STATEMENTS) if value)
        except ValueError as error:
            yield Signal("xmp", "the packet", f"cannot be read: {error}"[:VALUE], UNKNOWN, None, CHECKER)


def _of_header(data: bytes) -> Iterator[Signal]:
    """EXIF and IPTC, from the header alone."""
    try:
        image = Image.open(io.BytesIO(without_long_texts(data)), formats=decoders())
        exif = Image.Image.getexif(image)  # a PNG's own getexif would decode all pixels to look behind them
        fields = [("exif", name, exif[tag]) for tag, name in _EXIF.items() if tag in exif]
        iptc = IptcImagePlugin.getiptcinfo(image) or {}
        fields += [("iptc", name, value) for tag, name in _IPTC.items() for value in _listed(iptc.get(tag))]
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises anything on broken metadata
        yield Signal("exif", "the header", f"cannot be read: {type(error).__name__}", UNKNOWN, None, CHECKER)
        return
    for mechanism, name, value in fields:
        if text := _text(value):
            yield _signal(mechanism, name, text)


def _listed(value: object) -> list[object]:
    return [] if value is None else value if isinstance(value, list) else [value]


def _text(value: object) -> str:
    """A value as one line of text."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return " ".join(text.replace("\0", " ").split())


def _signal(mechanism: str, field: str, value: str) -> Signal:
    return Signal(mechanism, field, value[:VALUE], says(field.lower(), value), None, CHECKER)
