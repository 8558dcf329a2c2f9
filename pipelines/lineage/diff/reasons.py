"""Why a row of one run is missing in the other: the reason that a stage recorded, or a missing parent."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from components.common.data.digests import short
from components.common.data.reading import MANIFEST, Dataset, is_complete
from pipelines.engines.workspace import Workspace


class Reasons:
    """What the workspace `present` says of rows that only the workspace `other` has."""

    def __init__(self, present: Workspace, other: Workspace):
        refused_there = {key for key, _ in _recorded(other)}  # what both refuse does not differ
        self._recorded = {key: why for key, why in _recorded(present) if key not in refused_there}
        gone = ((parent, _ids(other, parent) - _ids(present, parent)) for parent in _PARENTS)
        self._gone = {each: parent for parent, ids in gone for each in ids}

    def of(self, stage: str, dataset: str, row: Mapping[str, Any]) -> str:
        """The reason for a row of a dataset that the step `stage` made; empty if none is recorded."""
        values = [each for value in row.values() for each in (value if isinstance(value, list) else [value])]
        recorded = next(
            (self._recorded[stage, str(value)] for value in values if (stage, str(value)) in self._recorded), ""
        )
        gone = [value for value in values if isinstance(value, str) and value in self._gone]
        lost = next((value for value in gone if self._gone[value].dataset != dataset), "")
        return recorded or (f"its {self._gone[lost].called} {short(lost)} is not there" if lost else "")


class _Parent(NamedTuple):
    called: str
    dataset: str
    key: str


_PARENTS = (_Parent("photograph", "images", "image_id"), _Parent("object", "objects", "object_id"))


def _recorded(workspace: Workspace) -> Iterable[tuple[tuple[str, str], str]]:
    """(stage, key of a row) -> why the stage refused it: rows of `quarantine`, and of every dataset of rejects."""
    for path in sorted((workspace.root / "data").glob(f"*/{MANIFEST}")):
        dataset = Dataset(path.parent) if is_complete(path.parent) else None
        if dataset and dataset.manifest.kind in ("quarantine", "rejects"):
            key = "uri" if dataset.manifest.kind == "quarantine" else "key"
            for row in dataset.rows(["stage", key, "reason", "detail"]):
                yield (row["stage"], row[key]), f"{row['reason']}: {row['detail']}".removesuffix(": ")


def _ids(workspace: Workspace, parent: _Parent) -> set[str]:
    folder = workspace.dataset(parent.dataset)
    return set(Dataset(folder).table([parent.key])[parent.key].to_pylist()) if is_complete(folder) else set()
