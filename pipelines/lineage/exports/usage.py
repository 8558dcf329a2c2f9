"""Conditions of use as ODRL: only what a person declares.

Photographs that must not be used for training were not taken in.
"""

from typing import Any

from pipelines.lineage.exports.declared import Declared


def usage_info(declared: Declared) -> dict[str, Any]:
    """The property `usageInfo` with the actions that are allowed; empty if none is declared: none is by default.

    An action is a term of ODRL such as `odrl:reproduce`, or a full address such as DUO's.
    """
    actions = declared.of("permitted_actions").split()
    if not actions:
        return {}
    return {
        "usageInfo": {
            "@type": ["CreativeWork", "odrl:Offer"],
            "name": "Conditions of use, as declared",
            "odrl:permission": [{"@type": "odrl:Permission", "odrl:action": {"@id": action}} for action in actions],
        }
    }
