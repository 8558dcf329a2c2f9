"""What a library says is quoted on one line, shortened, and without the credentials that it may quote."""

import re
from pathlib import Path

import pytest

from components.common.errors import LONGEST_REASON, in_one_line, without_user

ROOT = Path(__file__).parents[2]
MODULES = [path for package in ("components", "pipelines") for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize(
    ("text", "without"),
    [
        ("http://me:secret@server:5000/a@b refuses", "http://server:5000/a@b refuses"),
        ("postgresql://me:sec@ret@db/runs", "postgresql://db/runs"),
        ("http://server/?mail=a@b", "http://server/?mail=a@b"),
        ("owner/model@main", "owner/model@main"),
    ],
)
def test_an_address_loses_its_user_and_password(text: str, without: str) -> None:
    assert without_user(text) == without


def test_an_error_is_one_short_line() -> None:
    assert in_one_line(OSError("no\n  answer from https://me:secret@server")) == "no answer from https://server"
    assert in_one_line(TimeoutError()) == "TimeoutError"
    assert len(in_one_line(ValueError("x" * 1000))) == LONGEST_REASON


def test_errors_are_put_on_one_line_in_one_place() -> None:
    """Elsewhere, credentials would be printed."""
    again = re.compile(r"str\((error|cause|reason|exception|failure|problem|stop|refused)\)\.split")
    found = [path.relative_to(ROOT).as_posix() for path in MODULES if again.search(path.read_text(encoding="utf-8"))]
    assert found == []
