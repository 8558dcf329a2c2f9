"""Compares a folder of models with `models.lock`. Nothing here needs a network.

A folder is a cache of the hub's library: `models--OWNER--NAME/snapshots/COMMIT/FILE`, which `HF_HUB_CACHE` names.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from huggingface_hub import constants

from components.common.data.digests import digest_file, short
from components.common.data.files import size_of
from components.common.errors import UserError
from components.common.vision.models import COMMIT, locate, snapshot
from pipelines.models.declared import declared
from pipelines.models.lock import Lock, LockedFile, LockedModel, read_lock
from pipelines.steps import Step


def cache() -> Path:
    """The folder from which runs load models: `HF_HUB_CACHE`, by default below the home folder."""
    return Path(constants.HF_HUB_CACHE)


def fault(path: Path, file: LockedFile) -> str:
    """What is wrong with a file; empty if it has the locked size and hash."""
    if quick := wrong_size(path, file):
        return quick
    digest = digest_file(path)
    return "" if digest == file.sha256 else f"its sha256 is {short(digest)}..., not {short(file.sha256)}..."


def wrong_size(path: Path, file: LockedFile) -> str:
    """What is wrong with a file's size; empty if nothing is."""
    size = size_of(path)
    if size < 0:
        return "it is missing"
    return "" if size == file.size else f"it has {size:,} bytes, not {file.size:,}"


def faults(lock: Lock, folder: Path) -> list[str]:
    """One line per file of the lock that is missing in the folder or differs from the lock."""
    return [
        f"{model} {short(commit)}, {name}: {wrong}"
        for (model, commit), locked in lock.snapshots().items()
        for name, file in locked.files.items()
        if (wrong := fault(snapshot(folder, model, commit) / name, file))
    ]


def refuse_absent_models(values: dict[str, Any], steps: Sequence[Step], root: Path) -> None:
    """Raises `UserError`, before a run starts, if the hub must not be used and a model of `steps` is missing.

    values: all sections, with locked commits. root: as for `locate`. Looks at sizes only.
    """
    wanted = declared(values, steps, root)
    if not wanted or not constants.is_offline_mode():
        return
    lock = read_lock()
    for reference in sorted(wanted):
        locked, located = lock.find(reference), locate(reference, root)
        assert locked and located.revision and COMMIT.fullmatch(located.revision)
        place = snapshot(cache(), located.where, located.revision)
        for name, file in locked.files.items():
            if wrong := wrong_size(place / name, file):
                raise UserError(
                    f"HF_HUB_OFFLINE is set and {cache()} has no complete {located.where} ({name}: {wrong}): "
                    "`objectmate models fetch DIR` where there is a network, and set HF_HUB_CACHE to DIR here; or set "
                    "HF_HUB_OFFLINE=0"
                )


def needs(model: LockedModel, place: Path) -> dict[str, LockedFile]:
    """The files of a model that are missing in `place` or differ from the lock."""
    return {name: file for name, file in model.files.items() if fault(place / name, file)}
