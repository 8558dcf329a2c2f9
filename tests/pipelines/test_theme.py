"""All pages have the colours of one theme, and their templates from one place."""

import re
from pathlib import Path

import pytest

from components.common.vision.geometry import MARK
from pipelines.report.templates import THEME, colour

PIPELINES = Path(__file__).parents[2] / "pipelines"
COMPONENTS = PIPELINES.parent / "components"
STYLED = [path for suffix in ("html", "css") for path in PIPELINES.rglob(f"*.{suffix}")]
SHARED = set(re.findall(r"(--[\w-]+):", THEME.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", STYLED, ids=lambda path: str(path.relative_to(PIPELINES)))
def test_a_page_has_the_colours_of_the_theme_and_no_unknown_ones(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    own = set(re.findall(r"(--[\w-]+):", text))
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    assert path == THEME or not own & SHARED
    assert used <= own | SHARED


def test_a_box_that_is_drawn_has_the_same_colour_in_pictures_and_on_pages() -> None:
    assert colour("box") == MARK
    with pytest.raises(ValueError, match=r"theme\.css has no colour marker"):
        colour("marker")


@pytest.mark.parametrize(
    ("words", "owner"),
    [
        (r"\bEnvironment\(", PIPELINES / "report" / "templates.py"),
        (r"outline=", COMPONENTS / "common" / "vision" / "geometry.py"),
    ],
)
def test_templates_are_read_and_boxes_are_drawn_in_one_place(words: str, owner: Path) -> None:
    modules = [path for folder in (PIPELINES, COMPONENTS) for path in folder.rglob("*.py")]
    assert [path for path in modules if re.search(words, path.read_text(encoding="utf-8"))] == [owner]
