"""All rows that were made from some photographs, dataset by dataset."""

from collections.abc import Iterable, Mapping

from components.lineage.references import POSITION, REFERENCES
from components.lineage.rows import Run

Affected = Mapping[str, list[int]]
"""Dataset -> positions of its rows, ascending."""


def closure(run: Run, image_ids: Iterable[str]) -> Affected:
    """The photographs and every row that refers to them, directly or through other rows; `REFERENCES` is in order."""
    affected: dict[str, set[int]] = {"images": set(run["images"].where("image_id", image_ids))}
    for reference in REFERENCES:
        rows, sources = run.datasets.get(reference.dataset), affected.get(reference.source)
        if rows is None or not sources:
            continue
        if reference.by == POSITION:
            values: list[int | str] = sorted(sources)
        else:
            values = [row[reference.by] for row in run[reference.source].at(sorted(sources))]
        affected.setdefault(reference.dataset, set()).update(rows.where(reference.column, values))
    return {name: sorted(rows) for name, rows in affected.items() if rows}
