"""A dataset alone: its manifest against its own digests, its files, and the parents that it names."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from components.common.data.digests import digest_value
from components.common.data.files import read_json
from components.common.data.reading import FINISHED, MANIFEST, Dataset, Manifest, content_digest
from components.common.data.verification import READABLE, UNREADABLE, check_files
from components.common.errors import UserError
from pipelines.lineage.check.finding import NOTHING, Finding, unequal, unequal_items
from pipelines.steps import Step


def in_manifest(folder: Path, kind: str) -> Iterator[Finding]:
    """The manifest against itself and against `_finished.json`, which records the dataset's inputs and code.

    kind: the one that the step's contract names. Together, these checks cover every field and every byte.
    """
    try:
        manifest = Dataset(folder).manifest
        yield from _fields(manifest, kind)
    except (UserError, ValueError, TypeError, KeyError):
        yield Finding(MANIFEST, READABLE, UNREADABLE)
        return
    yield from _record(folder / FINISHED, manifest)
    if (folder / MANIFEST).read_bytes() != manifest.text.encode():
        yield Finding(MANIFEST, "the form in which it is written", "another form")


def _fields(manifest: Manifest, kind: str) -> Iterator[Finding]:
    content = content_digest(manifest.kind, manifest.schema, manifest.parts, manifest.facts)
    yield from unequal("digest of the content", manifest.digest, content)
    yield from unequal("kind", kind, manifest.kind)
    yield from unequal("params_digest", manifest.params_digest, digest_value(manifest.params))
    yield from unequal("rows", sum(part["rows"] for part in manifest.parts), manifest.rows)


def _record(path: Path, manifest: Manifest) -> Iterator[Finding]:
    """The record of inputs and code. A dataset that DVC pulled has none, which `Evidence.absent` reports."""
    if not path.is_file():
        return
    try:
        record = read_json(path)
        made_from = {"fingerprint": manifest.fingerprint, "stage": manifest.stage}
        yield from unequal_items(f"{FINISHED}:", made_from, record)
        yield from unequal(f"{FINISHED}: keys", sorted([*made_from, "code"]), sorted(record))
        if path.read_text(encoding="utf-8") != json.dumps(record):
            yield Finding(FINISHED, "the form in which it is written", "another form")
    except (ValueError, TypeError, AttributeError):
        yield Finding(FINISHED, READABLE, UNREADABLE)


def in_files(folder: Path) -> Iterator[Finding]:
    """Every file of the dataset, hashed, and files that it does not name. `in_manifest` checks the manifest."""
    for check in check_files(folder):
        if check.file != MANIFEST:
            yield from unequal(check.file, check.expected, check.actual)


def in_parents(manifest: Manifest, step: Step, here: Mapping[str, str]) -> Iterator[Finding]:
    """Each dataset that the manifest names as an input. here: name -> digest of the workspace's datasets."""
    roles = step.outputs | step.inputs  # a stage may read what it has just made
    names = {digest: name for name, digest in here.items()}
    for role, digest in manifest.inputs.items():
        if role not in roles:
            yield Finding("parents", f"roles of {step.name}", role)
        elif digest != here.get(roles[role]):
            other = f" ({names[digest]})" if digest in names else " (no dataset of this run)"
            yield Finding(f"parent {role}", here.get(roles[role], NOTHING), digest + other)
