"""Printing untrusted text: names of files, labels and records come from anyone and must not control the terminal.

Escape sequences move the cursor, recolour or hide text; line breaks and direction marks pass one line off as another.
Here such characters are printed as they would be written in a Python string, such as \\x1b. Whatever is printed goes
through this module, or through `terminal`, which does the same for tables, trees and colours.
"""

import json
import sys
import unicodedata
from typing import Any

ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of invisible characters that have an effect, and of surrogates."""
LAYOUT = "\n\t"


def harmless(text: str, but: str = "") -> str:
    """The text with each character that acts on a terminal escaped. but: characters that stay as they are."""
    return text if text.isprintable() else "".join(_written(each, but) for each in text)


def sentences(text: str) -> str:
    """A message of our own, whose line breaks and tabs are kept."""
    return harmless(text, but=LAYOUT)


def say(text: object, err: bool = False, end: str = "\n") -> None:
    """Prints a line. err: to standard error. end: what follows the text."""
    print(sentences(str(text)), end=end, file=sys.stderr if err else sys.stdout, flush=True)


def json_text(value: Any) -> str:
    """JSON for programs and people: letters of all languages as they are, what acts on a terminal as \\uXXXX.

    Bytes are hexadecimal digits; other values that JSON does not have are written as `str` writes them.
    """
    text = json.dumps(value, indent=1, default=_plain, ensure_ascii=False)
    return "".join(each if _written(each, LAYOUT) == each else json.dumps(each)[1:-1] for each in text)


def _plain(value: Any) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


def _written(character: str, but: str) -> str:
    acts = unicodedata.category(character) in ACTING and character not in but
    return character.encode("unicode_escape").decode() if acts else character
