"""Metadata and captures for the tests of rights."""

import io
import json
from typing import Any

from ingest_data import jpeg
from PIL import Image

DMI = "http://ns.useplus.org/ldf/vocab/DMI-"
SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" '
    'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
    'xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/"'
)


def packet(inside: str, attributes: str = "") -> bytes:
    """An XMP packet with these elements and attributes in its description."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {NAMESPACES} {attributes}>{inside}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def with_xmp(seed: int, xmp: bytes, kind: str = "JPEG") -> bytes:
    """A photograph with an XMP packet, as Pillow writes it."""
    image, buffer = Image.open(io.BytesIO(jpeg(seed))), io.BytesIO()
    if kind.startswith("PNG"):
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=kind == "PNG, compressed")
        image.save(buffer, "PNG", pnginfo=info)
    elif kind == "TIFF":
        image.save(buffer, kind, tiffinfo={700: xmp})
    else:
        image.save(buffer, kind, xmp=xmp)
    return buffer.getvalue()


def with_iptc(seed: int, notice: str) -> bytes:
    """A JPEG with an IPTC copyright notice (record 2, dataset 116), as Photoshop places it."""
    record = b"\x1c\x02\x74" + len(notice).to_bytes(2) + notice.encode()
    block = b"8BIM\x04\x04\0\0" + len(record).to_bytes(4) + record + b"\0" * (len(record) % 2)
    segment = b"Photoshop 3.0\0" + block
    return jpeg(seed).replace(b"\xff\xd8", b"\xff\xd8\xff\xed" + (len(segment) + 2).to_bytes(2) + segment, 1)


def downloaded(**fields: Any) -> bytes:
    """What img2dataset writes beside a photograph, with these fields."""
    usual = {
        "caption": "a mug",
        "key": "000000001",
        "status": "success",
        "error_message": None,
        "width": 40,
        "exif": "{}",
    }
    return json.dumps(usual | fields).encode()
