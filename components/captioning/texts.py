"""Cleaning captions: one line of plain text, whatever a model or an annotation file says."""

import re
import unicodedata

MARKUP = re.compile(r"<[^<>]{0,200}>")
FORMULA = "=+-@"  # at the start of a cell, a spreadsheet takes these for a formula
VOWELS = "aeiou"


def clean(text: str, max_characters: int) -> str:
    """One line of at most `max_characters`, cut at a word; no control characters, markup or leading formula sign.

    May be empty.
    """
    plain = MARKUP.sub(" ", unicodedata.normalize("NFKC", text))
    plain = "".join(" " if unicodedata.category(c).startswith(("C", "Z")) or c in "<>" else c for c in plain)
    plain = " ".join(plain.split()).lstrip(FORMULA + " ")
    if len(plain) <= max_characters:
        return plain
    words = plain[: max_characters + 1].rsplit(" ", 1)[0]
    return words[:max_characters].rstrip(" ,;:")


def category_caption(category: str, max_characters: int) -> str:
    """ "a mug", "an apple"; "an object" if the category is unknown."""
    name = clean(category, max_characters - len("an ")).lower() or "object"
    return f"{'an' if name[0] in VOWELS else 'a'} {name}"
