"""The origin of a generated picture, stored in it as XMP: that a model made it, which model, and from which inputs.

IPTC's `DigitalSourceType` tells any program that a model made it; fields in our own namespace tell us the rest.
"""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any
from xml.etree import ElementTree

from components.common.vision.xmp import RDF, packets, parse

NAMESPACE = "urn:objectmate:picture:"
_IPTC, _XMP, _META = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.adobe.com/xap/1.0/", "adobe:ns:meta/"
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPE = {"insertion": "compositeWithTrainedAlgorithmicMedia", "generation": "trainedAlgorithmicMedia"}
"""Task -> IPTC's word for its pictures."""
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PREFIXES = {"x": _META, "rdf": RDF, "xmp": _XMP, "Iptc4xmpExt": _IPTC, "objectmate": NAMESPACE}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The inputs of a generated picture; equal origins give equal pixels on machines of the same kind.

    task: insertion or generation. model: digest of the model's dataset, or of its weights if it has no dataset;
    model_name: what it was called; trained_on: digest of the latents that it was trained on, empty if unknown.
    references, scene: sha256 of the files. boxes: one for each reference, `x,y,w,h` or `-`; box: the one in the scene.
    """

    task: str
    model: str
    model_name: str
    trained_on: str = ""
    references: tuple[str, ...]
    boxes: tuple[str, ...]
    scene: str = ""
    box: str = ""
    prompt: str = ""
    seed: int
    steps: int
    guidance: float
    guidance_text: float = 1.0
    context: float = 0.0
    margin: float = 0.0

    def xmp(self) -> bytes:
        """The XMP packet. Characters that XML cannot hold become question marks."""
        for prefix, uri in _PREFIXES.items():
            ElementTree.register_namespace(prefix, uri)
        root = ElementTree.Element(f"{{{_META}}}xmpmeta")
        described = ElementTree.SubElement(ElementTree.SubElement(root, f"{{{RDF}}}RDF"), f"{{{RDF}}}Description")
        described.set(f"{{{RDF}}}about", "")
        described.set(f"{{{_XMP}}}CreatorTool", "objectmate")
        described.set(f"{{{_IPTC}}}DigitalSourceType", _SOURCE_TYPES + SOURCE_TYPE[self.task])
        for name, value in asdict(self).items():
            text = " ".join(value) if isinstance(value, tuple) else str(value)
            described.set(f"{{{NAMESPACE}}}{name}", _NOT_XML.sub("?", text))
        return ElementTree.tostring(root)


def origin_of(data: bytes) -> Origin | None:
    """The origin that the bytes of a picture's file state; None if they state none, or not all of it."""
    for packet in packets(data):
        try:
            described = [element for element in parse(packet).iter() if element.get(f"{{{NAMESPACE}}}task")]
            return _read(described[0]) if described else None
        except ValueError:
            continue
    return None


def _read(described: ElementTree.Element) -> Origin | None:
    texts = {each.name: described.get(f"{{{NAMESPACE}}}{each.name}") for each in fields(Origin)}
    values: dict[str, Any] = {}
    for each in fields(Origin):
        text = texts[each.name]
        if text is None:
            return None
        values[each.name] = tuple(text.split()) if each.type == tuple[str, ...] else each.type(text)  # type: ignore[operator]
    return Origin(**values)
