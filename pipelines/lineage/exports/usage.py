"""Conditions of use as ODRL: only what photographs' rights signals say, and what a person declares."""

from typing import Any

from pipelines.lineage.exports.counting import TRAIN_AI, Rights
from pipelines.lineage.exports.declared import Declared

DISALLOWED = "disallowed"


def usage_info(rights: Rights, declared: Declared) -> dict[str, Any]:
    """The property `usageInfo`; empty if nothing is known, since nothing is permitted by default."""
    rules = _measured(rights) | _declared(declared)
    if not rules:
        return {}
    policy = {"@type": ["CreativeWork", "odrl:Offer"], "name": "Conditions of use, as far as measured or declared"}
    return {"usageInfo": policy | rules}


def _measured(rights: Rights) -> dict[str, Any]:
    """A prohibition: rows of images whose rights signals disallow training must not be used for it (aipref)."""
    if not (count := rights.train_ai[DISALLOWED]):
        return {}
    return {
        "odrl:prohibition": {
            "@type": "odrl:Prohibition",
            "description": f"{count:,} of {rights.photographs:,} photographs carry a signal that disallows training.",
            "odrl:action": {"@id": "odrl:use"},
            "odrl:target": {
                "@type": "odrl:AssetCollection",
                "odrl:refinement": _constraint(f"images/{TRAIN_AI}", DISALLOWED),
            },
            "odrl:constraint": _constraint("odrl:purpose", "train-ai"),
        }
    }


def _constraint(left: str, right: str) -> dict[str, Any]:
    return {
        "@type": "odrl:Constraint",
        "odrl:leftOperand": {"@id": left},
        "odrl:operator": {"@id": "odrl:eq"},
        "odrl:rightOperand": right,
    }


def _declared(declared: Declared) -> dict[str, Any]:
    """The actions that a person allows, as terms of ODRL such as `odrl:reproduce` or full addresses such as DUO's."""
    actions = declared.of("permitted_actions").split()
    if not actions:
        return {}
    return {"odrl:permission": [{"@type": "odrl:Permission", "odrl:action": {"@id": action}} for action in actions]}
