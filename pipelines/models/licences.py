"""Which licences a model may have. `objectmate models lock --allow LICENCE` allows another, and the lock keeps it."""

from components.common.errors import UserError

ALLOWED = frozenset(
    {
        "afl-3.0", "apache-2.0", "bsd-2-clause", "bsd-3-clause", "cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0",
        "cdla-permissive-2.0", "isc", "mit", "mpl-2.0", "unlicense",
        "bigscience-openrail-m", "creativeml-openrail-m", "openrail", "openrail++",
    }
)  # fmt: skip
"""In the hub's spelling: open licences, and those of the Open RAIL family, which bind users to their use rules."""
STATED = {"openai/clip-vit-base-patch32": "mit", "openai/clip-vit-large-patch14": "mit"}
"""Models whose card on the hub may name no licence -> the licence of their publisher's own repository."""


def licence_of(model: str, card: object, tags: list[str], allowed: dict[str, str]) -> str:
    """The licence of a model, in the hub's words, if it is one that is allowed.

    card: the value of `license` of its card (text, list or None). allowed: what the user allowed; see `read_allowed`.
    Raises `UserError` if there is none or it is not allowed.
    """
    named = card if isinstance(card, list) else [card] if card else []
    named = named or [tag.removeprefix("license:") for tag in tags if tag.startswith("license:")]
    licences = [str(name).lower() for name in named]
    stated = allowed.get(model) or (STATED.get(model, "") if not licences else "")
    if stated:
        return stated
    if not licences:
        raise UserError(
            f"{model} names no licence: read what its publisher says and, if you may use it, state it with `objectmate "
            f"models lock --allow {model}=LICENCE`"
        )
    if refused := [name for name in licences if name not in ALLOWED and name not in allowed]:
        raise UserError(
            f"{model} has the licence {refused[0]}, which is not on the list of allowed ones: choose another model or, "
            f"if you may use it, add the licence with `objectmate models lock --allow {refused[0]}`"
        )
    return ", ".join(licences)


def read_allowed(words: list[str]) -> dict[str, str]:
    """What the user allowed: `LICENCE` for any model, or `owner/name=LICENCE`, which states a model's licence."""
    pairs = [word.partition("=") for word in words]
    return {name if equals else name.lower(): licence for name, equals, licence in pairs if name}
