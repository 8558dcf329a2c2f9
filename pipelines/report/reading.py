"""Reading what stages left on disk as JSON."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
