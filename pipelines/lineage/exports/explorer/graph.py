"""The rows that the explorer shows, and how they refer to each other (see `components.lineage.references`)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from components.common.vision.sheets import evenly_spread
from components.lineage.closure import closure
from components.lineage.references import POSITION, REFERENCES, Reference
from components.lineage.rows import Run

MOST = 2_000
"""Most photographs on a page: for larger runs, evenly spread ones are shown, with everything made from them."""
SHOWN = (*dict.fromkeys(name for each in REFERENCES for name in (each.source, each.dataset)),)
Link = tuple[str, str, int]
"""The other row's relation to this one, its dataset, and its position there."""


@dataclass
class Graph:
    """kept: dataset -> positions of the rows shown, ascending. rows: the same rows, with the places of their blobs.

    up, down: (dataset, position) -> what a row was made from, and what was made from it.
    """

    kept: Mapping[str, list[int]]
    rows: Mapping[str, list[dict[str, Any]]]
    up: dict[tuple[str, int], list[Link]] = field(default_factory=lambda: defaultdict(list))
    down: dict[tuple[str, int], list[Link]] = field(default_factory=lambda: defaultdict(list))


def graph(run: Run, most: int = MOST) -> Graph:
    """The rows made from at most `most` photographs, linked; all rows if the run has no more photographs than that."""
    kept = _kept(run, most)
    shown = Graph(kept, {name: run[name].at(positions, places=True) for name, positions in kept.items()})
    for reference in REFERENCES:
        if reference.dataset in kept and reference.source in kept:
            _link(run, shown, reference)
    return shown


def _kept(run: Run, most: int) -> dict[str, list[int]]:
    photographs = len(run["images"])
    if photographs <= most:
        return {name: list(range(len(run[name]))) for name in SHOWN if name in run.datasets}
    chosen = [row["image_id"] for row in run["images"].at(evenly_spread(photographs, most))]
    affected = closure(run, chosen)
    return {name: affected.get(name, []) for name in SHOWN if name in run.datasets}


def _link(run: Run, shown: Graph, reference: Reference) -> None:
    """Adds the links of one kind of reference, also to rows that are not shown."""
    places = _places(run, shown, reference)
    for position, row in zip(shown.kept[reference.dataset], shown.rows[reference.dataset], strict=True):
        named = row[reference.column]
        for count, value in enumerate(named if isinstance(named, list) else [named], start=1):
            relation = f"{reference.relation} {count}" if isinstance(named, list) else reference.relation
            for at in [value] if reference.by == POSITION else places.get(value, []):
                shown.up[reference.dataset, position].append((relation, reference.source, at))
                shown.down[reference.source, at].append((reference.reverse, reference.dataset, position))


def _places(run: Run, shown: Graph, reference: Reference) -> Mapping[Any, list[int]]:
    """Value of the column by which the source's rows are named -> their positions."""
    places: dict[Any, list[int]] = defaultdict(list)
    if reference.by != POSITION:
        for at, value in enumerate(run[reference.source].dataset.table([reference.by])[reference.by].to_pylist()):
            places[value].append(at)
    return places
