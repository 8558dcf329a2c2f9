"""Where photographs and annotations come from: `sandbox:NAME` is a split of the rendered world in the package."""

from pathlib import Path

from components.common.errors import UserError

SANDBOX = "sandbox:"
_PACKAGED = Path(__file__).parents[2] / "sandbox" / "world"


def resolve(source: str) -> Path:
    """The folder (or file) behind `sandbox:NAME`, or a local path as it is. Raises `UserError` if nothing is there."""
    path = _PACKAGED / source.removeprefix(SANDBOX) if source.startswith(SANDBOX) else Path(source)
    if not path.exists():
        raise UserError(f"there is nothing at {path} (named as {source}): name a path that exists, or sandbox:NAME")
    return path
