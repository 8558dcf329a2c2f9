"""The questions about lineage, as a person asks them: in words that name a row, a dataset or a picture."""

from pathlib import Path

from components.lineage import trace
from components.lineage.identify import Meant, identify
from components.lineage.rows import Run
from components.lineage.trace import Node


def view(data: Path, text: str) -> Node:
    """A row or dataset with one step each way. data: the folder of the run's datasets.

    Raises `UserError`, as all here do, unless `text` names one thing (see `identify`).
    """
    run = Run(data)
    meant = identify(run, text)
    if not meant.dataset:
        return _found(trace.view(run, meant.places[0]), meant)
    both = (trace.dataset_sources(run, run[meant.dataset]), trace.dataset_derived(run, run[meant.dataset]))
    near = [node for tree in both for node in tree.below]
    for node in near:
        node.below = []
    return trace.dataset_node(run[meant.dataset], "", near)


def sources(data: Path, text: str) -> Node:
    """What it was made from, down to the photographs."""
    run = Run(data)
    meant = identify(run, text)
    if meant.dataset:
        return trace.dataset_sources(run, run[meant.dataset])
    return _found(trace.sources(run, meant.places[0]), meant)


def derived(data: Path, text: str) -> Node:
    """Everything that was made from it."""
    run = Run(data)
    meant = identify(run, text)
    if meant.dataset:
        return trace.dataset_derived(run, run[meant.dataset])
    return _found(trace.derived(run, meant.places[0]), meant)


def _found(tree: Node, meant: Meant) -> Node:
    """The answer, which says by what a picture was found."""
    tree.relation = meant.how if meant.how.startswith("found") else ""
    return tree
