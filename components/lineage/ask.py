"""The questions about lineage, as a person asks them: in words that name a row, a dataset or a picture."""

from pathlib import Path

from components.lineage import trace
from components.lineage.identify import identify
from components.lineage.rows import Run
from components.lineage.trace import Node


def view(data: Path, text: str) -> Node:
    """A row or dataset with one step each way. data: the folder of the run's datasets.

    Raises `UserError`, as all here do, unless `text` names one thing (see `identify`).
    """
    run = Run(data)
    meant = identify(run, text)
    if not meant.dataset:
        return trace.view(run, meant.places[0])
    tree = trace.dataset_sources(run, run[meant.dataset])
    shallow = [
        trace.dataset_node(run[node.dataset], node.relation, []) for node in tree.below if not node.says.get("missing")
    ]
    return trace.dataset_node(run[meant.dataset], "", shallow + trace.datasets_from(run, run[meant.dataset]))


def sources(data: Path, text: str) -> Node:
    """What it was made from, down to the photographs."""
    run = Run(data)
    meant = identify(run, text)
    return trace.dataset_sources(run, run[meant.dataset]) if meant.dataset else trace.sources(run, meant.places[0])


def derived(data: Path, text: str) -> Node:
    """Everything that was made from it."""
    run = Run(data)
    meant = identify(run, text)
    if not meant.dataset:
        return trace.derived(run, meant.places[0])
    return trace.dataset_node(run[meant.dataset], "", trace.datasets_from(run, run[meant.dataset]))
