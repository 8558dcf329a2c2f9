"""Whether two runs made the same datasets, by the bytes on disk."""

from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from components.common.data.digests import short
from components.common.data.reading import Dataset, is_complete
from components.common.data.verification import Check, check_files, count_files
from components.common.errors import UserError
from components.common.stage.progress import track
from components.common.terminal import Terminal, shown
from pipelines.engines.local import dvc_digests, dvc_hashes
from pipelines.engines.workspace import DVC_LOCK, Workspace
from pipelines.steps import pipeline_steps

EQUAL, DIFFERENT, MISSING, DAMAGED = "equal", "different", "missing", "damaged"


@dataclass(frozen=True)
class _Row:
    """One dataset of two runs; empty where a run does not have it."""

    name: str
    digest: str
    reference: str
    verdict: str


def all_equal(run: Workspace, reference: Workspace, pipeline: str) -> bool:
    """Prints a table of the datasets that a pipeline makes; True if both runs have each of them, undamaged and equal.

    Every file is hashed. Where the reference has a dataset only in its dvc.lock, as in a fresh clone, the run's is
    hashed again as DVC does it and compared with that. Raises `UserError` if there is no such pipeline, or nothing
    to compare in one of the workspaces.
    """
    names = [name for step in pipeline_steps(pipeline) for name in step.outputs.values()]
    digests, expected = _digests(run, names), _digests(reference, names)
    recorded = {name: digest for name, digest in dvc_digests(reference).items() if name not in expected}
    if not digests or not (expected or recorded):
        empty = reference if digests else run
        raise UserError(f"there is no dataset in {empty.data}: run the pipeline there, or name another folder")
    damage = [check for side in (run, reference) for check in _damage(side, names)]
    hashes = dvc_hashes(run) if recorded else {}
    rows = [
        _on_record(name, digests, hashes, recorded) if name in recorded else _on_disk(name, digests, expected, damage)
        for name in names
    ]
    _show(rows, damage)
    return all(row.verdict == EQUAL for row in rows)


def _digests(workspace: Workspace, names: list[str]) -> dict[str, str]:
    """Name -> digest of its content, for the datasets that are complete on disk."""
    folders = {name: workspace.dataset(name) for name in names}
    return {name: Dataset(folder).digest for name, folder in folders.items() if is_complete(folder)}


def _damage(workspace: Workspace, names: list[str]) -> list[Check]:
    folders = [workspace.dataset(name) for name in names if is_complete(workspace.dataset(name))]
    checks = (check for folder in folders for check in check_files(folder))
    total = sum(map(count_files, folders))
    return [check for check in track(checks, f"files of {workspace.root} hashed", total) if not check.passed]


def _on_disk(name: str, digests: dict[str, str], expected: dict[str, str], damage: list[Check]) -> _Row:
    digest, reference = digests.get(name, ""), expected.get(name, "")
    if not digest or not reference:
        verdict = MISSING
    elif any(check.folder.name == name for check in damage):
        verdict = DAMAGED
    else:
        verdict = EQUAL if digest == reference else DIFFERENT
    return _Row(name, short(digest), short(reference), verdict)


def _on_record(name: str, digests: dict[str, str], hashes: dict[str, str], recorded: dict[str, str]) -> _Row:
    verdict = MISSING if name not in digests else EQUAL if hashes.get(name) == recorded[name] else DIFFERENT
    return _Row(name, short(digests.get(name, "")), DVC_LOCK, verdict)


def _show(rows: list[_Row], damage: list[Check]) -> None:
    console = Terminal()
    table = Table("dataset", "digest", "reference", "")
    for row in rows:
        table.add_row(row.name, row.digest, row.reference, row.verdict)
    console.print(table)
    for check in damage:
        console.print(shown(f"{Path(check.folder)}: {check}"), soft_wrap=True)
    by_lock = sum(row.reference == DVC_LOCK for row in rows)
    console.print(
        f"{sum(row.verdict == EQUAL for row in rows)} of {len(rows)} datasets are equal"
        + (f"; {by_lock} are compared with dvc.lock, because the reference does not have them." if by_lock else ".")
    )
