"""Markdown whose values cannot break out: file names, licences and sentences come from elsewhere."""

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "\\`", "[": "\\[", "]": "\\]"})


def text(value: object) -> str:
    """A value as one line of text: no HTML, link, code or new cell comes out of it."""
    return " ".join(str(value).split()).translate(_ESCAPED)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; a sentence if it has no rows."""
    lines = [f"| {' | '.join(map(text, row))} |" for row in rows]
    if not lines:
        return "None."
    return "\n".join([f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *lines])
