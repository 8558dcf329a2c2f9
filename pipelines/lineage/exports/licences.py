"""The licences of photographs: in SPDX's spelling, and as nodes that state how many photographs have each."""

from typing import Any

from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from pipelines.lineage.exports.counting import Rights

UNKNOWN = "unknown"


def spdx(licence: str) -> str:
    """A licence in SPDX's spelling; empty if SPDX has no such identifier or expression."""
    try:
        return str(canonicalize_license_expression(licence))
    except InvalidLicenseExpression:
        return ""


def licence_nodes(rights: Rights, declared: str) -> list[dict[str, Any]]:
    """The licence of the whole, if a person declared one, and then every licence of a photograph, with counts."""
    whole = [_node(declared, "Declared for the dataset as a whole, in addition to those of the photographs.")]
    counted = [
        _node(licence or UNKNOWN, _sentence(licence, count, rights)) for licence, count in rights.licences.most_common()
    ]
    nodes = (whole if declared else []) + counted
    return nodes or [_node(UNKNOWN, "There is no photograph whose licence could be counted.")]


def _sentence(licence: str, count: int, rights: Rights) -> str:
    has = "have this licence" if licence else "have no known licence"
    how = f" ({rights.stated_how})" if licence and licence == rights.stated else ""
    return f"{count:,} of {rights.photographs:,} photographs {has}{how}."


def _node(licence: str, about: str) -> dict[str, Any]:
    known = spdx(licence) if licence != UNKNOWN else ""
    address = {"url": f"https://spdx.org/licenses/{known}.html"} if known and " " not in known else {}
    return {"@type": "sc:CreativeWork", "name": known or licence, "description": about, **address}
