"""XMP packets inside the files of photographs, and the XML in them, which is untrusted.

Packets are found by their marks (as XMP's part 3 describes), so no decoder is involved. One with a document type is
refused, since that is how entities are defined, and so is one that is too long.
"""

import io
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from PIL import Image

from components.common.vision.formats import decoders, without_long_texts

XMP_BYTES, PACKETS = 1 << 20, 8
"""Longest packet, bytes; packets read from one file."""
PNG_XMP = "XML:com.adobe.xmp"
"""The keyword of a PNG's text that is a packet."""
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"

_PACKET = re.compile(rb"<(?:[A-Za-z]+:)?xmpmeta\b|<rdf:RDF\b")


def packets(data: bytes) -> list[bytes]:
    """The first packets in the bytes of a file of any format."""
    return [*_marked(data)] or _compressed(data)


def parse(packet: bytes) -> ElementTree.Element:
    """The XML of a packet. Raises `ValueError` if it cannot be read."""
    if len(packet) > XMP_BYTES:
        raise ValueError(f"longer than {XMP_BYTES} bytes")
    text = packet.decode("utf-8")  # so that no declared encoding hides a document type
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("it defines entities")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None


def _marked(data: bytes) -> Iterator[bytes]:
    """Packets that are not compressed, each from its outer tag to the matching end tag."""
    at = 0 if b"xmpmeta" in data or b"rdf:RDF" in data else len(data)  # much faster than the regular expression
    for _ in range(PACKETS):
        if not (start := _PACKET.search(data, at)):
            return
        name = start.group()[1:]
        end = data.find(b"</" + name + b">", start.end())
        at = len(data) if end < 0 else end + len(name) + 3
        yield data[start.start() : min(at, start.start() + XMP_BYTES + 1)]


def _compressed(data: bytes) -> list[bytes]:
    """The packet of a PNG that holds it compressed, so that its tags are hidden; empty if it cannot be inflated."""
    if PNG_XMP.encode() not in data:
        return []
    try:
        info = Image.open(io.BytesIO(without_long_texts(data)), formats=decoders()).info
    except (OSError, SyntaxError, ValueError):
        return [b""]
    return [str(info.get(PNG_XMP, "")).encode()]
