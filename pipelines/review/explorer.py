"""Lineage for a browser: what a text names, and a row or dataset with its columns, pictures and trees both ways."""

from dataclasses import dataclass, field
from typing import Any

from components.common.data.digests import short
from components.lineage import trace
from components.lineage.identify import Meant, named
from components.lineage.references import PICTURES
from components.lineage.rows import Run
from components.lineage.trace import Node, Place
from pipelines.lineage.printing import is_said, shown_value

MOST = 60
"""Nodes shown below one node: a photograph may be in thousands of pairs."""
OFFSET = "_offset"


@dataclass(frozen=True)
class Branch:
    """A node as it is shown.

    relation: its relation to the node above. link: the text that names it; empty if it cannot be opened. again: it is
    already in the tree. more: how many nodes below are left out.
    """

    relation: str
    dataset: str
    title: str
    link: str
    facts: str
    again: bool
    below: list["Branch"]
    more: int = 0

    @property
    def thumbnail(self) -> str:
        """The name of the row's small picture; empty if it has none."""
        small = self.title and self.dataset != "images"  # photographs can have any size
        return PICTURES.get(self.dataset, ("",))[0] if small else ""


@dataclass(frozen=True)
class Shown:
    """A row or dataset. pictures: names of its blobs. sources, derived: trees with itself on top, of what it was made
    from and what was made from it."""

    key: str
    columns: dict[str, str]
    sources: Branch
    derived: Branch
    pictures: list[str] = field(default_factory=list)


def shown(run: Run, meant: Meant) -> Shown:
    """The one row or dataset that is meant."""
    if meant.dataset:
        rows = run[meant.dataset]
        sources, derived = trace.dataset_sources(run, rows), trace.dataset_derived(run, rows)
        pictures = []
    else:
        place = meant.places[0]
        sources, derived = trace.sources(run, place), trace.derived(run, place)
        [row] = run[place.dataset].at([place.position], places=True)
        pictures = [name.removesuffix(OFFSET) for name in row if name.endswith(OFFSET)]
    columns = {name: _full(value) for name, value in sources.says.items() if is_said(name, value)}
    return Shown(sources.key, columns, _branch(run, sources), _branch(run, derived), pictures)


def blob(run: Run, text: str, name: str) -> bytes | None:
    """A picture of the row that a text names; None if there is none."""
    meant = named(run, text)
    if len(meant.places) != 1:
        return None
    [place] = meant.places
    rows = run[place.dataset]
    [row] = rows.at([place.position], places=True)
    return rows.dataset.blob(row, name) if f"{name}{OFFSET}" in row else None


def choices(run: Run, places: list[Place]) -> list[Branch]:
    """Rows to choose from, as branches without anything below."""
    return [_branch(run, Node(place.dataset, _key(run, place), _row(run, place))) for place in places[:MOST]]


def _key(run: Run, place: Place) -> str:
    return trace.key_of(run[place.dataset], _row(run, place), place.position)


def _row(run: Run, place: Place) -> dict[str, Any]:
    [row] = run[place.dataset].at([place.position])
    return row


def _branch(run: Run, node: Node) -> Branch:
    rows = run.datasets.get(node.dataset)
    is_dataset = rows is not None and node.key == rows.dataset.digest
    link = "" if rows is None else node.dataset if is_dataset else node.key
    title = "" if is_dataset else node.key if ":" in node.key else short(node.key)
    said = {name: value for name, value in node.says.items() if is_said(name, value) and value != node.key}
    facts = ", ".join(f"{name} {shown_value(name, value)}" for name, value in said.items())
    below = [_branch(run, child) for child in node.below[:MOST]]
    return Branch(node.relation, node.dataset, title, link, facts, node.again, below, len(node.below) - len(below))


def _full(value: Any) -> str:
    """A column's value as text, not shortened."""
    if value in (None, ""):
        return "unknown"
    if isinstance(value, dict):
        return ", ".join(f"{name}: {each}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(map(_full, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
