"""`objectmate models fetch DIR`: the locked files in a folder, for a machine without a network or a cluster's volume.

A model is assembled in `DIR/.fetching` and moved to its place once every file has the locked hash, so a model in its
place is always complete. Files are real, not links: the folder can be copied by any means.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from components.common.data.digests import short
from components.common.errors import UserError
from components.common.stage.progress import transfer
from components.common.vision.models import snapshot
from pipelines.models.hub import download
from pipelines.models.lock import FILE, LockedFile, LockedModel, read_lock
from pipelines.models.locking import megabytes
from pipelines.models.verify import fault, needs

STAGING = ".fetching"
PART = ".part"
"""Suffix of an incomplete file."""
Tell = Callable[[int, str], None]


@dataclass(frozen=True)
class Job:
    """A model that is not complete in the folder. place: where it belongs. staging: where it is assembled."""

    model: str
    commit: str
    locked: LockedModel
    place: Path
    staging: Path
    missing: dict[str, LockedFile]

    @property
    def left(self) -> int:
        """Bytes still to load."""
        return sum(file.size - _size(self.staging / f"{name}{PART}") for name, file in self.missing.items())


def fetch(folder: Path, say: Callable[[str], object]) -> None:
    """Downloads to the folder what `models.lock` names and the folder lacks.

    Raises `UserError` if there is no lock, not enough space, another fetch running, or the hub does not give what was
    locked.
    """
    lock = read_lock()
    if not lock.models:
        raise UserError(f"{FILE} holds no models: write it with `objectmate models lock --profile open`")
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        jobs = [job for (name, commit), model in lock.snapshots().items() if (job := _job(folder, name, commit, model))]
        total = sum(job.left for job in jobs)
        _refuse_without_room(folder, total)
        with transfer("fetching", total) as tell:
            done = 0
            for job in jobs:
                done = _make(job, done, tell)
                say(f"{job.model} {short(job.commit)}: {len(job.locked.files)} files, {megabytes(job.locked.size)}")
        shutil.rmtree(folder / STAGING, ignore_errors=True)
    size = sum(model.size for model in lock.snapshots().values())
    say(f"{folder} holds all {len(lock.snapshots())} models, {megabytes(size)}, hashes checked. To use it:")
    say(f"export HF_HUB_CACHE={folder.resolve()} HF_HUB_OFFLINE=1")


def _job(folder: Path, name: str, commit: str, model: LockedModel) -> Job | None:
    """What is left to do for a model; None if it is complete."""
    place = snapshot(folder, name, commit)
    staging = folder / STAGING / place.relative_to(folder)
    absent = needs(model, place)
    if not absent:
        return None
    missing = {file: locked for file, locked in absent.items() if fault(staging / file, locked)}
    return Job(name, commit, model, place, staging, missing)


def _make(job: Job, done: int, tell: Tell) -> int:
    """Loads what is missing and moves the model to its place; returns `done` plus the bytes loaded."""
    for name, file in job.missing.items():
        path = job.staging / name
        part = path.with_name(path.name + PART)
        path.parent.mkdir(parents=True, exist_ok=True)
        base = done - _size(part)
        download(job.model, job.commit, name, file.size, part, lambda size, b=base, n=name: tell(b + size, n))  # type: ignore[misc]
        _refuse_other(job, name, file, part)
        part.replace(path)
        done = base + file.size
    for name, file in job.locked.files.items():
        if fault(job.staging / name, file):
            _link_or_copy(job.place / name, job.staging / name)
    shutil.rmtree(job.place, ignore_errors=True)
    job.place.parent.mkdir(parents=True, exist_ok=True)
    job.staging.replace(job.place)
    return done


def _refuse_other(job: Job, name: str, file: LockedFile, part: Path) -> None:
    if wrong := fault(part, file):
        part.unlink()
        raise UserError(
            f"{name} of {job.model} is not what was locked: {wrong}. It was deleted: run the same command again and, "
            "if it says the same, do not use this model"
        )


def _link_or_copy(complete: Path, path: Path) -> None:
    """Puts a file that was already in its place at `path`: a hard link where possible, else a copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        os.link(complete.resolve(), path)
    except OSError:
        shutil.copyfile(complete, path)


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _refuse_without_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder} has {megabytes(free)} free, but {megabytes(needed)} are to be fetched: free some space, or name "
            "another folder"
        )


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Locks the folder: two fetches would write the same files."""
    (folder / STAGING).mkdir(exist_ok=True)
    with (folder / f"{STAGING}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(
                f"another `objectmate models fetch` is running in {folder}: wait until it has ended"
            ) from None
        yield
