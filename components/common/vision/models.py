"""Loading pre-trained models: one function for hub ids and folders, safetensors only, never remote code or pickles."""

import hashlib
import re
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_file
from components.common.errors import UserError

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB_ID = re.compile(r"^[\w.-]+/[\w.-]+$")
SANDBOX = "sandbox:"
_PACKAGED = Path(__file__).parents[2] / "sandbox" / "models"


def resolve(source: str) -> str:
    """The folder behind `sandbox:NAME` (a tiny model shipped with the package); any other source as it is."""
    return str(_PACKAGED / source.removeprefix(SANDBOX)) if source.startswith(SANDBOX) else source


def lacks_pin(source: str, revision: str | None, root: Path = Path()) -> bool:
    """Whether `source` is a hub id, and no folder as seen from `root`, whose revision is no full commit hash."""
    hub = bool(HUB_ID.match(source)) and not (root / source).is_dir()
    return hub and not COMMIT.fullmatch(revision or "")


def from_pretrained(cls: Any, source: str, revision: str | None = None, **options: Any) -> Any:
    """Loads `cls` (a transformers or diffusers class) from `sandbox:NAME`, a folder, or a hub id with pinned revision.

    Raises `UserError` if the folder is absent, the revision of a hub id is no full commit hash, or there are no
    safetensors weights.
    """
    where = resolve(source)
    if not Path(where).is_dir() and not HUB_ID.match(source):
        raise UserError(f"there is no model folder {where}: name a folder, sandbox:NAME or a hub id (owner/name)")
    if lacks_pin(source, revision):
        raise UserError(
            f"the model {source} has no pinned revision: give the commit's 40 hex digits (a branch or tag can move), "
            "so that a run can be repeated"
        )
    if _takes_weights(cls):
        options |= {"use_safetensors": True}
    _quiet()
    try:
        return cls.from_pretrained(where, revision=revision, **options)
    except (OSError, ValueError) as error:
        raise UserError(f"the model {source} cannot be loaded as {cls.__name__}: {_first_line(error)}") from error


def _quiet() -> None:
    """Switches off the libraries' bars for milliseconds of loading, which hide the stage's own progress."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()


def _takes_weights(cls: Any) -> bool:
    """Tokenizers, processors and schedulers have no weights and refuse or ignore the safetensors switch."""
    return not any(word in cls.__name__ for word in ("Tokenizer", "Processor", "Scheduler", "Config"))


def weights_digest(source: str, revision: str | None = None) -> str:
    """The identity of a model: sha256 over its safetensors and JSON files (folder), or `id@revision` (hub)."""
    folder = Path(resolve(source))
    if not folder.is_dir():
        return f"{source}@{revision}"
    total = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.suffix in (".safetensors", ".json", ".txt")):
        total.update(f"{path.relative_to(folder).as_posix()}:{digest_file(path)}\n".encode())
    return total.hexdigest()


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), error.__class__.__name__)
