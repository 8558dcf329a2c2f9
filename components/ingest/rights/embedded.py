"""What a photograph's own metadata says about its use: XMP, EXIF and IPTC fields.

Metadata is untrusted. XMP is found by its packet's marks (as XMP's part 3 describes), so no decoder is involved; a
packet with a document type is refused, since that is how entities are defined, and so is one that is too long.
"""

import io
import re
from collections.abc import Iterator
from itertools import islice
from xml.etree import ElementTree

from PIL import Image, IptcImagePlugin

from components.common.vision.formats import decoders, without_long_texts
from components.ingest.rights.signals import UNKNOWN, Signal, says

CHECKER = "ingest"
XMP_BYTES, PACKETS, STATEMENTS, VALUE = 1 << 20, 8, 100, 2000
"""Longest packet, bytes; packets read from one file; statements read from one packet; characters kept of one value."""

_PACKET = re.compile(rb"<(?:[A-Za-z]+:)?xmpmeta\b|<rdf:RDF\b")
_PNG_XMP = b"XML:com.adobe.xmp"
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
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
    if len(packet) > XMP_BYTES:
        raise ValueError(f"longer than {XMP_BYTES} bytes")
    text = packet.decode("utf-8")  # so that no declared encoding hides a document type
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it defines entities")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
    for element in root.iter():
        yield from ((_FIELDS[name], value.strip()) for name, value in element.attrib.items() if name in _FIELDS)
        if element.tag in _FIELDS:
            inner = " ".join(part.strip() for part in element.itertext() if part.strip())
            yield _FIELDS[element.tag], element.get(f"{_RDF}resource", inner)


def _of_packets(data: bytes) -> Iterator[Signal]:
    for packet in [*_packets(data)] or _compressed(data):
        try:
            yield from (_signal("xmp", field, value) for field, value in islice(xmp(packet), STATEMENTS) if value)
        except ValueError as error:
            yield Signal("xmp", "the packet", f"cannot be read: {error}"[:VALUE], UNKNOWN, None, CHECKER)


def _packets(data: bytes) -> Iterator[bytes]:
    """The first XMP packets in the bytes of a file of any format, each from its outer tag to the end of that."""
    at = 0 if b"xmpmeta" in data or b"rdf:RDF" in data else len(data)  # far quicker than the expression
    for _ in range(PACKETS):
        if not (start := _PACKET.search(data, at)):
            return
        name = start.group()[1:]
        end = data.find(b"</" + name + b">", start.end())
        at = len(data) if end < 0 else end + len(name) + 3
        yield data[start.start() : min(at, start.start() + XMP_BYTES + 1)]


def _compressed(data: bytes) -> list[bytes]:
    """The packet of a PNG that holds it compressed, so that its marks do not show; empty if it cannot be inflated."""
    if _PNG_XMP not in data:
        return []
    try:
        info = Image.open(io.BytesIO(without_long_texts(data)), formats=decoders()).info
    except (OSError, SyntaxError, ValueError):
        return [b""]
    return [str(info.get(_PNG_XMP.decode(), "")).encode()]


def _of_header(data: bytes) -> Iterator[Signal]:
    """EXIF and IPTC, from the header alone."""
    try:
        image = Image.open(io.BytesIO(without_long_texts(data)), formats=decoders())
        exif = Image.Image.getexif(image)  # that of a PNG would decode all pixels to look behind them
        found = [("exif", name, exif[tag]) for tag, name in _EXIF.items() if tag in exif]
        iptc = IptcImagePlugin.getiptcinfo(image) or {}
        found += [("iptc", name, value) for tag, name in _IPTC.items() for value in _listed(iptc.get(tag))]
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises anything on broken metadata
        yield Signal("exif", "the header", f"cannot be read: {type(error).__name__}", UNKNOWN, None, CHECKER)
        return
    for mechanism, name, value in found:
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
