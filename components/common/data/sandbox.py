"""What ships with the package: `sandbox:NAME` is part of the rendered world, or one of the tiny models."""

from pathlib import Path

from components.common.data.files import inside
from components.common.errors import UserError

SANDBOX = "sandbox:"
PACKAGED = Path(__file__).parents[2] / "sandbox"
WORLD, MODELS = PACKAGED / "world", PACKAGED / "models"


def is_packaged(source: str) -> bool:
    """Whether a source is named `sandbox:NAME`."""
    return source.startswith(SANDBOX)


def packaged(source: str, root: Path) -> Path:
    """The path of `sandbox:NAME` below `root` (`WORLD` or `MODELS`), whether it exists or not.

    Raises `UserError` if the name leads out of `root`.
    """
    return inside(root, source.removeprefix(SANDBOX))


def resolve(source: str) -> Path:
    """The folder or file of the world behind `sandbox:NAME`, or a local path unchanged.

    Raises `UserError` if it does not exist.
    """
    path = packaged(source, WORLD) if is_packaged(source) else Path(source)
    if not path.exists():
        raise UserError(f"there is nothing at {path} (named as {source}): name a path that exists, or sandbox:NAME")
    return path
