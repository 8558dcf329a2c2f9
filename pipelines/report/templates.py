"""The templates of all pages, and what they share: the head, the colours and the charts of this folder."""

import re
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

HERE = Path(__file__).parent
THEME = HERE / "theme.css"
"""The colours of every page, for a light and a dark screen."""


def environment(folder: Path) -> Environment:
    """The templates in `folder`, which can include the shared ones. Whatever is filled in is escaped."""
    return Environment(loader=FileSystemLoader([folder, HERE]), autoescape=True, trim_blocks=True, lstrip_blocks=True)


def colour(name: str) -> str:
    """A colour of the theme on a light screen, such as `own`: #rrggbb. Raises `ValueError` if it has none."""
    if not (found := re.search(rf"--{name}: (#[0-9a-f]{{6}});", THEME.read_text(encoding="utf-8"))):
        raise ValueError(f"theme.css has no colour {name}")
    return found[1]
