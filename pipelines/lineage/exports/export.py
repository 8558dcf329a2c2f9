"""Writes a workspace's current run in the requested formats."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from components.common.data.files import write_atomically
from components.common.errors import UserError
from pipelines.doctor.packages import how_to_install
from pipelines.engines.workspace import Workspace
from pipelines.lineage.exports import eu_summary
from pipelines.lineage.exports.declared import DATASET, Declared, read_declared
from pipelines.lineage.exports.history import History, read_history

FORMATS = {
    "croissant": "croissant.json",
    "openlineage": "openlineage.jsonl",
    "prov": "prov.json",
    "card": "README.md",  # the name under which the hub shows a card
    "eu-summary": "eu-training-summary.md",
    "page": "explorer",
}
"""Format -> the file or folder that it leaves."""
EXTRA, PACKAGES = "lineage", ("mlcroissant", "openlineage", "prov")
"""The extra that installs the formats' own libraries."""


def export(
    workspace: Workspace,
    formats: Iterable[str],
    folder: Path,
    receiver: str = "",
    declared: Path | None = None,
) -> list[Path]:
    """Writes the current run of a workspace to `folder` and returns the files, one for each format.

    formats: words of `FORMATS`. receiver: address to which the OpenLineage events go as well. declared: YAML file of
    what only a person can say. Raises `UserError` for a wrong format, address or declaration, a run without finished
    stages, or a library that is not installed, and `StageFailed` if the receiver cannot be reached.
    """
    asked = list(dict.fromkeys(formats))
    for name in asked:
        if name not in FORMATS:
            raise UserError(f"there is no export '{name}': choose from {', '.join(FORMATS)}")
    if receiver and "openlineage" not in asked:
        raise UserError("only OpenLineage events are sent to --to: add --as openlineage, or leave out --to")
    declarations = read_declared(declared, DATASET | eu_summary.KEYS)
    history = read_history(workspace)
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in asked:
        path = folder / FORMATS[name]
        if name == "page":
            path = _write_explorer(workspace, history, path)
        else:
            write_atomically(path, _content(name, history, declarations, folder))
        paths.append(path)
    if receiver:
        _deliver(history, receiver)
    return paths


def _write_explorer(workspace: Workspace, history: History, folder: Path) -> Path:
    """Writes the explorer in place of an earlier one, and returns the page that a browser opens."""
    from pipelines.lineage.exports.explorer.export import START, explorer

    if (folder / START).is_file():
        shutil.rmtree(folder)
    folder.mkdir(exist_ok=True)
    for file, content in explorer(history, workspace.data):
        (folder / file).write_bytes(content)
    return folder / START


def _content(name: str, history: History, declared: Declared, folder: Path) -> bytes:
    """The content of one format's file."""
    try:
        return _formatted(name, history, declared, folder)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in PACKAGES:
            raise
        raise UserError(f"the export {name} needs the package {error.name}: {how_to_install(EXTRA)}") from None


def _formatted(name: str, history: History, declared: Declared, folder: Path) -> bytes:
    if name == "croissant":
        from pipelines.lineage.exports.croissant import croissant

        return croissant(history, declared, folder)
    if name == "openlineage":
        from pipelines.lineage.exports.openlineage_events import openlineage

        return openlineage(history)
    if name == "prov":
        from pipelines.lineage.exports.provenance import provenance

        return provenance(history)
    if name == "card":
        from pipelines.lineage.exports.card import card

        return card(history, declared)
    return eu_summary.eu_summary(history, declared)


def _deliver(history: History, receiver: str) -> None:
    from pipelines.lineage.exports.openlineage_events import run_events
    from pipelines.lineage.exports.receiver import deliver

    deliver(run_events(history), receiver)
