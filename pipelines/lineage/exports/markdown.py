"""Markdown with escaped values: file names, licences and sentences come from elsewhere."""

from collections.abc import Iterable, Sequence

_ESCAPED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "\\`", "[": "\\[", "]": "\\]"})


def text(value: object) -> str:
    """A value as one line of text that cannot become HTML, a link, code or a new cell."""
    return " ".join(str(value).split()).translate(_ESCAPED)


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; "None." if it has no rows."""
    lines = [f"| {' | '.join(map(text, row))} |" for row in rows]
    if not lines:
        return "None."
    return "\n".join([f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *lines])
