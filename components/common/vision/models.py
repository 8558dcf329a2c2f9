"""Loading pre-trained models: one function for hub ids and folders, safetensors only, never remote code or pickles."""

import hashlib
import re
import warnings
from pathlib import Path
from typing import Any, NamedTuple

from components.common.data.digests import digest_file
from components.common.data.sandbox import MODELS, is_packaged, packaged
from components.common.errors import UserError, in_one_line
from components.common.vision.lite import PHOTOS, provided

COMMIT = re.compile(r"[0-9a-f]{40}")
HUB = re.compile(r"(?P<id>\w[\w.-]*/\w[\w.-]*?)(?:@(?P<revision>[^@]*))?")
UNREAD = frozenset({".md", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf"})
"""Suffixes of files about a model, such as its card and pictures."""
LEGAL = frozenset({"LICENSE", "LICENCE", "NOTICE"})


class Located(NamedTuple):
    """Where a model is: a folder (no revision), or a hub id with the requested revision ("" for none)."""

    where: str
    revision: str | None


def locate(reference: str, root: Path = Path()) -> Located:
    """Where a model reference points: `sandbox:NAME` (shipped with the package), `photos:NAME` (made from a Python
    package, see `lite`), a folder, or `owner/name@commit`.

    root: the folder that model folders are relative to. Raises `UserError` if it is none of these, or if NAME leads out
    of the package's models.
    """
    if reference.startswith(PHOTOS):
        return Located(str(provided(reference)), None)
    folder = packaged(reference, MODELS) if is_packaged(reference) else root / reference
    # Resolved, because `root` may be yet to be made, and a path through it would lead nowhere.
    if reference and (folder if is_packaged(reference) else root.resolve() / reference).resolve().is_dir():
        return Located(str(folder), None)
    hub = HUB.fullmatch(reference)
    if not hub:
        raise UserError(
            f"there is no model folder {folder if reference else '(empty)'}: name a folder, sandbox:NAME, photos:NAME "
            "or a model of the hub (owner/name)"
        )
    return Located(hub["id"], hub["revision"] or "")


def hub_id(reference: str) -> str:
    """`owner/name` of `owner/name@revision`."""
    return reference.partition("@")[0]


def lacks_pin(reference: str) -> bool:
    """Whether a reference is a hub id without a full commit hash."""
    revision = locate(reference).revision
    return revision is not None and not COMMIT.fullmatch(revision)


def from_pretrained(cls: Any, reference: str, **options: Any) -> Any:
    """Loads `cls` (a transformers or diffusers class) from `sandbox:NAME`, a folder, or `owner/name@commit`.

    Raises `UserError` if the folder is absent, a hub id has no full commit hash, or there are no safetensors weights.
    """
    where, revision = locate(reference)
    if lacks_pin(reference):
        raise UserError(
            f"the model {reference} has no pinned revision: write {where}@COMMIT with the commit's 40 hex digits (a "
            "branch can move), or start with `objectmate run`, which takes the commit from models.lock"
        )
    if _takes_weights(cls):
        options |= {"use_safetensors": True}
    _quiet()
    try:
        return cls.from_pretrained(at_hand(where, revision), revision=revision, **options)
    except (OSError, ValueError) as error:
        raise UserError(f"the model {reference} cannot be loaded as {cls.__name__}: {in_one_line(error)}") from error


def snapshot(cache: Path, model: str, commit: str) -> Path:
    """Where a cache of the hub's library, such as the folder that `HF_HUB_CACHE` names, has a model's files."""
    return cache / f"models--{model.replace('/', '--')}" / "snapshots" / commit


def at_hand(where: str, revision: str | None) -> str:
    """What to load from: the model's folder in the cache if offline, and `where` itself otherwise.

    Offline, the libraries refuse a model by its name if it lacks any file that they look for, even an optional one,
    such as the config.json that the tokenizer of a pipeline does not have.
    """
    from huggingface_hub import constants

    folder = snapshot(Path(constants.HF_HUB_CACHE), where, revision or "")
    return str(folder) if revision and constants.is_offline_mode() and folder.is_dir() else where


def _quiet() -> None:
    """Switches off the libraries' progress bars, which would hide the stage's own, and a warning between them."""
    warnings.filterwarnings("ignore", message=".*local_dir_use_symlinks")
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()


def _takes_weights(cls: Any) -> bool:
    """Tokenizers, processors and schedulers have no weights and refuse or ignore the safetensors switch."""
    return not any(word in cls.__name__ for word in ("Tokenizer", "Processor", "Scheduler", "Config"))


def weights_digest(reference: str, part: str = "") -> str:
    """The identity of a model: sha256 over its files (folder), or `id@commit` (hub).

    Every file that loading could read counts: all but those of `UNREAD` and `LEGAL` and hidden files.
    part: a subfolder of a pipeline, such as `vae`; only its files count.
    """
    where, revision = locate(reference)
    if revision is not None:
        return f"{where}/{part}@{revision}" if part else f"{where}@{revision}"
    folder = Path(where) / part
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and _is_read(path.relative_to(folder))):
        total.update(f"{path.relative_to(folder).as_posix()}:{digest_file(path)}\n".encode())
    return total.hexdigest()


def _is_read(name: Path) -> bool:
    hidden = any(part.startswith(".") for part in name.parts)
    return not (hidden or name.suffix.lower() in UNREAD or name.stem.upper() in LEGAL)
