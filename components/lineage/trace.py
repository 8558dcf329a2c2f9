"""Following a row: what it was made from, or everything that was made from it, as a tree."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from components.common.references import TRAIN
from components.lineage.references import IDS, POSITION, Reference, derived_from, sources_of
from components.lineage.rows import Rows, Run


@dataclass(frozen=True)
class Place:
    """A row: its dataset's name, and its position there."""

    dataset: str
    position: int


@dataclass
class Node:
    """A row or a dataset in a tree.

    key: a row's id, or `dataset:position`; a dataset's digest. relation: what it is to the node above. says: its
    columns, or facts. again: it is already in the tree, with everything below it.
    """

    dataset: str
    key: str
    says: dict[str, Any]
    relation: str = ""
    again: bool = False
    below: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """The node and all below it."""
        yield self
        for node in self.below:
            yield from node.walk()


Follow = Callable[[Run, Rows, dict[str, Any], int], Iterator[tuple[str, Place]]]
"""From a row to what is next to it, with its relation."""


def sources(run: Run, place: Place) -> Node:
    """What a row was made from, down to the photographs with their rights."""
    return _tree(run, place, _sources)


def derived(run: Run, place: Place) -> Node:
    """Everything that was made from a row: rows, and the models and scores that a training tuple went into."""
    tree = _tree(run, place, _derived)
    trained = any(node.dataset == "latents" and node.says["split"] == TRAIN for node in tree.walk())
    if trained:
        tree.below += dataset_derived(run, run["latents"], how="trained on it").below
    return tree


def view(run: Run, place: Place) -> Node:
    """A row with all its columns, and one step each way."""
    tree = _node(run, place)
    rows = run[place.dataset]
    for follow in (_sources, _derived):
        tree.below += [_node(run, next_place, relation) for relation, next_place in _next(run, rows, place, follow)]
    return tree


def dataset_derived(run: Run, rows: Rows, relation: str = "", how: str = "made from it") -> Node:
    """A dataset, and those whose manifests name it as an input, with those made from them."""
    digest = rows.dataset.digest
    outputs = [other for other in run.datasets.values() if digest in other.dataset.manifest.inputs.values()]
    return _unrepeated(dataset_node(rows, relation, [dataset_derived(run, other, how) for other in outputs]))


def dataset_sources(run: Run, rows: Rows, relation: str = "") -> Node:
    """A dataset and those that it was made from, down to the photographs."""
    by_digest = {other.dataset.digest: other for other in run.datasets.values()}
    below = []
    for role, digest in rows.dataset.manifest.inputs.items():
        same_name = run.datasets.get(role)  # preferred: two empty datasets have one digest
        other = same_name if same_name and same_name.dataset.digest == digest else by_digest.get(digest)
        missing = Node(role, digest, {"missing": "no dataset here has this digest"}, role)
        below.append(dataset_sources(run, other, role) if other else missing)
    return _unrepeated(dataset_node(rows, relation, below))


def _unrepeated(tree: Node) -> Node:
    """The tree with each dataset followed once: later ones only say that they are there again."""
    seen: set[str] = set()
    for node in list(tree.walk()):
        if node.dataset in seen:
            node.again, node.below = True, []
        seen.add(node.dataset)
    return tree


def dataset_node(rows: Rows, relation: str, below: list[Node]) -> Node:
    """A dataset as a node."""
    manifest = rows.dataset.manifest
    says = {"kind": manifest.kind, "rows": manifest.rows, "stage": manifest.stage, "models": manifest.models}
    return Node(rows.name, manifest.digest, says, relation, below=below)


def key_of(rows: Rows, row: dict[str, Any], position: int) -> str:
    """A row's id, or `dataset:position` if its dataset has none."""
    return str(row[IDS[rows.name]]) if rows.name in IDS else f"{rows.name}:{position}"


def _tree(run: Run, place: Place, follow: Follow, relation: str = "", seen: set[Place] | None = None) -> Node:
    seen = set() if seen is None else seen
    node = _node(run, place, relation)
    if place in seen:
        node.again = True
        return node
    seen.add(place)
    rows = run[place.dataset]
    node.below = [_tree(run, after, follow, how, seen) for how, after in _next(run, rows, place, follow)]
    return node


def _node(run: Run, place: Place, relation: str = "") -> Node:
    rows = run[place.dataset]
    [row] = rows.at([place.position])
    return Node(rows.name, key_of(rows, row, place.position), row, relation)


def _next(run: Run, rows: Rows, place: Place, follow: Follow) -> Iterator[tuple[str, Place]]:
    [row] = rows.at([place.position])
    yield from follow(run, rows, row, place.position)


def _sources(run: Run, rows: Rows, row: dict[str, Any], position: int) -> Iterator[tuple[str, Place]]:
    for reference in sources_of(rows.name):
        named = row[reference.column]
        for count, value in enumerate(named if isinstance(named, list) else [named], start=1):
            relation = f"{reference.relation} {count}" if isinstance(named, list) else reference.relation
            if reference.source in run.datasets:
                other = run[reference.source]
                yield from ((relation, Place(other.name, at)) for at in _named(other, reference, value))


def _named(rows: Rows, reference: Reference, value: Any) -> list[int]:
    if value is None:
        return []
    return [value] if reference.by == POSITION else rows.where(reference.by, [value])


def _derived(run: Run, rows: Rows, row: dict[str, Any], position: int) -> Iterator[tuple[str, Place]]:
    for reference in derived_from(rows.name):
        value = position if reference.by == POSITION else row[reference.by]
        if reference.dataset in run.datasets:
            other = run[reference.dataset]
            yield from ((reference.reverse, Place(other.name, at)) for at in other.where(reference.column, [value]))
