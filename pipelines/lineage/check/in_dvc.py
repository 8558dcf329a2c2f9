"""dvc.lock against the disk and the manifests."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree

from components.common.data.reading import FINISHED, UNFINISHED, Manifest
from components.common.data.verification import READABLE, UNREADABLE
from components.common.stage.report import RECORD
from pipelines.engines.workspace import DATA, Workspace
from pipelines.lineage.check.finding import Finding, unequal, unequal_items
from pipelines.parameters import FILE
from pipelines.steps import STEPS, Step

IGNORED = frozenset({RECORD, UNFINISHED, FINISHED})
"""Files of a finished dataset or report that .dvcignore excludes."""
SCHEMA = "2.0"
FIELDS = ("hash", "md5", "size", "nfiles")
"""The fields of a folder in an entry of the lock."""
Entries = Mapping[str, dict[str, Any]]


class Lock:
    """dvc.lock as it is. entries: step -> its entry. findings: what is wrong with the file as a whole."""

    def __init__(self, workspace: Workspace):
        self.exists = workspace.dvc_lock.is_file()
        self.entries: Entries = {}
        self.findings: list[Finding] = []
        if self.exists:
            self._read(workspace.dvc_lock)

    def _read(self, path: Path) -> None:
        try:
            document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
            self.entries = {name: dict(entry) for name, entry in document["stages"].items()}
            for entry in self.entries.values():
                _named(entry, "outs"), _named(entry, "deps")
        except (yaml.YAMLError, ValueError, TypeError, KeyError, AttributeError):
            self.entries = {}
            self.findings = [Finding(path.name, READABLE, UNREADABLE)]
            return
        self.findings += unequal("schema", SCHEMA, document.get("schema"))
        self.findings += [
            Finding("stages", "steps of the pipeline", name) for name in self.entries if name not in STEPS
        ]

    def dataset(self, step: Step, folder: Path) -> Iterator[Finding]:
        """A dataset or report of the step, against what is on disk."""
        path = f"{DATA}/{folder.name}" if folder.parent.name == DATA else f"{DATA}/reports/{folder.name}"
        yield from unequal_items(
            f"out {path}:", hashed_by_dvc(folder), _named(self.entries[step.name], "outs").get(path, {})
        )

    def step(self, step: Step, manifests: list[Manifest], current: bool) -> Iterator[Finding]:
        """The rest of a step's entry. current: whether its inputs are still here."""
        entry = self.entries[step.name]
        yield from unequal("cmd", f"objectmate stage {step.name}", entry.get("cmd"))
        if current:
            yield from self._parents(step, _named(entry, "deps"))
        locked = (entry.get("params") or {}).get(FILE) or {}
        for manifest in manifests:
            yield from unequal_items("params", *_params_in_both(step, manifest, locked))

    def _parents(self, step: Step, deps: Mapping[str, dict[str, Any]]) -> Iterator[Finding]:
        outs = {path: out for entry in self.entries.values() for path, out in _named(entry, "outs").items()}
        for name in (*step.inputs.values(), *step.after):
            path = f"data/{name}"
            yield from unequal_items(f"dep {path}:", _fields(outs.get(path, {})), _fields(deps.get(path, {})))


def _named(entry: Mapping[str, Any], what: str) -> dict[str, dict[str, Any]]:
    """Path -> what an entry says of it."""
    return {each["path"]: dict(each) for each in entry.get(what) or ()}


def _fields(folder: Mapping[str, Any]) -> dict[str, Any]:
    return {key: folder.get(key) for key in FIELDS}


def hashed_by_dvc(folder: Path) -> dict[str, Any]:
    """What DVC would record of a folder. Every file is read, since DVC itself trusts times and sizes seen before."""
    tree, size = Tree(), 0
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in IGNORED)
    for path in files:
        with path.open("rb") as file:
            tree.add(
                path.relative_to(folder).parts, None, HashInfo("md5", hashlib.file_digest(file, "md5").hexdigest())
            )
        size += path.stat().st_size
    tree.digest()
    return {"hash": "md5", "md5": tree.hash_info.value, "size": size, "nfiles": len(files)}


def _params_in_both(step: Step, manifest: Manifest, locked: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Dotted key -> value in the manifest, and in the lock, of the parameters that both state."""
    places = step.stage.params.places()
    stated = {places[name]: value for name, value in manifest.params.items() if name in places}
    in_lock = {key: values[0] for key in stated if (values := _in_sections(locked, key))}
    return {key: stated[key] for key in in_lock}, in_lock


def _in_sections(locked: Mapping[str, Any], key: str) -> list[Any]:
    """The value of a dotted key, as a list of one; empty if the lock has neither the key nor a section with it."""
    if key in locked:
        return [locked[key]]
    section, _, name = key.rpartition(".")
    while section:
        if isinstance(locked.get(section), dict):
            return [_inside(locked[section], name)]
        section, _, outer = section.rpartition(".")
        name = f"{outer}.{name}"
    return []


def _inside(section: Any, name: str) -> Any:
    for key in name.split("."):
        section = section.get(key) if isinstance(section, dict) else None
    return section
