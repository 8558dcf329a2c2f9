"""`objectmate models lock` and `upgrade`: what the hub has now becomes what every run loads."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from huggingface_hub import ModelInfo
from huggingface_hub.hf_api import RepoSibling

from components.common.counts import counted
from components.common.data.digests import short
from components.common.errors import UserError
from components.common.vision.models import COMMIT, hub_id, locate
from pipelines.models.declared import Use, declared
from pipelines.models.hub import download, look_up
from pipelines.models.licences import licence_of, read_allowed
from pipelines.models.lock import FILE, Lock, LockedFile, LockedModel, read_lock, write_lock
from pipelines.models.needed import PIPELINE, needed_files, parts_of, refuse_code
from pipelines.parameters import keys_naming, resolve
from pipelines.steps import STEPS

Say = Callable[[str], object]


def lock_models(profile: str, settings: dict[str, Any], allow: Sequence[str], say: Say) -> None:
    """Locks the hub models of a profile with some settings; a model that is already locked keeps its commit.

    allow: licences, or `owner/name=LICENCE`, beyond the allowed ones; the lock keeps them. Raises `UserError`, before
    the lock is written and before any weights are loaded, if a model is unavailable or must not be used.
    """
    before = read_lock()
    allowed = sorted({*before.allowed_licences, *allow})
    wanted = _wanted(profile, settings)
    models = _without(before, profile)
    for reference, use in sorted(wanted.items()):
        known = before.models.get(reference)
        model = _kept(reference, known, use, allowed, say) if known else _described(reference, use, allowed)
        uses = (known.used_by if known else {}) | {profile: sorted(use.keys)}
        models[reference] = model.model_copy(update={"used_by": dict(sorted(uses.items()))})
        files = f"{counted(len(model.files), 'file')}, {megabytes(model.size)}"
        say(f"{reference}: {short(model.commit)}, {model.licence}, {files}")
    for reference in sorted(before.models.keys() - models.keys()):
        unused = f"neither {profile} with these settings nor another profile names it"
        say(f"{reference}: is removed from the lock, as {unused}.")
    write_lock(Lock(allowed_licences=allowed, models=models))
    say(f"{FILE} holds {counted(len(models), 'model')}: commit it to git.")


def upgrade(name: str, say: Say) -> None:
    """Locks the commit that the hub now has of one model. name: `owner/name`, or as parameters name it.

    Raises `UserError` if the lock does not hold it, or a parameter pins its commit.
    """
    lock = read_lock()
    references = [reference for reference in lock.models if name in (reference, hub_id(reference))]
    if not references:
        raise UserError(f"{FILE} does not hold {name}: `objectmate models list` shows what it holds")
    models = dict(lock.models)
    for reference in references:
        known = models[reference]
        keys = ", ".join(sorted({key for used in known.used_by.values() for key in used}))
        if COMMIT.fullmatch(_revision(reference)):
            raise UserError(f"{keys} names {reference}, so its commit is fixed there: change that parameter instead")
        model = _described(reference, Use(left_out=frozenset(known.left_out)), lock.allowed_licences)
        models[reference] = model.model_copy(update={"used_by": known.used_by})
        changed = [file for file, held in model.files.items() if known.files.get(file) != held]
        if model.commit == known.commit:
            say(f"{reference}: the hub has nothing newer than {short(model.commit)}.")
        else:
            files = counted(len(changed), "file")
            say(f"{reference}: {short(known.commit)} -> {short(model.commit)}, {files} changed.")
            say(f"The next run repeats the stages that read {keys}, and what depends on them.")
    write_lock(lock.model_copy(update={"models": models}))


def _wanted(profile: str, settings: dict[str, Any]) -> dict[str, Use]:
    """What the profile's stages load, and every model that a setting names, even if no stage of the profile loads
    it."""
    uses = declared(resolve(profile, settings), [*STEPS.values()])
    for key in keys_naming("model") & settings.keys():
        if settings[key] and locate(settings[key]).revision is not None:
            uses.setdefault(settings[key], Use()).add(key, frozenset())
    return uses


def _without(lock: Lock, profile: str) -> dict[str, LockedModel]:
    """The models that other profiles use."""
    models = {}
    for reference, model in lock.models.items():
        if uses := {name: keys for name, keys in model.used_by.items() if name != profile}:
            models[reference] = model.model_copy(update={"used_by": uses})
    return models


def _kept(reference: str, known: LockedModel, use: Use, allowed: Sequence[str], say: Say) -> LockedModel:
    """The locked model with the files that are needed now; says so if its branch has newer commits."""
    now = look_up(hub_id(reference), _revision(reference))
    if now.sha == known.commit:
        return _describe(reference, now, use, allowed)
    say(
        f"{reference}: the lock keeps {short(known.commit)}, though the hub now has {short(str(now.sha))}; `objectmate "
        f"models upgrade {hub_id(reference)}` takes that."
    )
    return _describe(reference, look_up(hub_id(reference), known.commit), use, allowed)


def _described(reference: str, use: Use, allowed: Sequence[str]) -> LockedModel:
    return _describe(reference, look_up(hub_id(reference), _revision(reference)), use, allowed)


def _describe(reference: str, info: ModelInfo, use: Use, allowed: Sequence[str]) -> LockedModel:
    """A model as the lock holds it. Only its configurations are downloaded, to check and hash them."""
    model, commit = hub_id(reference), str(info.sha)
    card = info.card_data.to_dict() if info.card_data else {}
    licence = card.get("license_name", "other") if card.get("license") == "other" else card.get("license")
    checked = licence_of(model, licence, info.tags or [], read_allowed([*allowed]))
    siblings = {file.rfilename: file for file in info.siblings or []}
    with TemporaryDirectory() as folder:

        def read(name: str) -> bytes:
            return _read(model, commit, siblings[name], Path(folder))

        parts: list[str] = []
        if PIPELINE in siblings:
            index = read(PIPELINE)
            refuse_code(model, siblings, {PIPELINE: index})
            parts = [part for part in parts_of(index) if part not in (use.left_out or ())]
        needed = needed_files(model, siblings, parts)
        small = {name: read(name) for name in needed if not siblings[name].lfs}
    refuse_code(model, siblings, small)
    files = {name: _locked(siblings[name], small.get(name)) for name in needed}
    bases = card.get("base_model") or []
    return LockedModel(
        commit=commit,
        licence=checked,
        bases=[bases] if isinstance(bases, str) else sorted(bases),
        left_out=sorted(use.left_out or ()),
        files=files,
    )


def _read(model: str, commit: str, file: RepoSibling, folder: Path) -> bytes:
    """The content of a file that git itself stores (not LFS), which must have the hash that the hub lists."""
    path = folder / "file"
    path.unlink(missing_ok=True)
    download(model, commit, file.rfilename, file.size or 0, path)
    content = path.read_bytes()
    blob = hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
    if file.blob_id not in (None, blob):
        raise UserError(
            f"{file.rfilename} of {model} is not the file that the hub lists (git {short(blob)}, not "
            f"{short(str(file.blob_id))}): run the same command again; a proxy may be changing files"
        )
    return content


def _locked(file: RepoSibling, content: bytes | None) -> LockedFile:
    if content is not None:
        return LockedFile(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    assert file.lfs
    return LockedFile(size=file.lfs.size, sha256=file.lfs.sha256)


def _revision(reference: str) -> str:
    return reference.partition("@")[2]


def megabytes(size: int) -> str:
    """A readable size, in MB or GB."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
