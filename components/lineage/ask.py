"""The questions about lineage, as a person asks them: in words that name a row, a dataset or a picture."""

from collections.abc import Callable
from pathlib import Path

from components.lineage import trace
from components.lineage.identify import Meant, identify
from components.lineage.made import made_node, made_picture
from components.lineage.rows import Rows, Run
from components.lineage.trace import Node, Place

TRAINED_ON = ("latents", "tuples")
"""The datasets that say which data a model has seen."""


def view(data: Path, text: str) -> Node:
    """A row or dataset with one step each way; for a picture that a model made, its inputs.

    data: the folder of the run's datasets. Raises `UserError`, as all here do, unless `text` names one thing (see
    `identify`).
    """
    run = Run(data)
    if picture := made_picture(run, text):
        return made_node(run, *picture, _alone, _with_data)
    meant = identify(run, text)
    if not meant.dataset:
        return _found(trace.view(run, meant.places[0]), meant)
    both = (trace.dataset_sources(run, run[meant.dataset]), trace.dataset_derived(run, run[meant.dataset]))
    near = [node for tree in both for node in tree.below]
    for node in near:
        node.below, node.again = [], False  # only the direct neighbours are shown here
    return trace.dataset_node(run[meant.dataset], "", near)


def sources(data: Path, text: str) -> Node:
    """Its inputs, down to the photographs."""
    run = Run(data)
    if picture := made_picture(run, text):
        return made_node(run, *picture, trace.sources, trace.dataset_sources)
    return _followed(run, text, trace.sources, trace.dataset_sources)


def derived(data: Path, text: str) -> Node:
    """Everything that was made from it."""
    return _followed(Run(data), text, trace.derived, trace.dataset_derived)


def _alone(run: Run, place: Place) -> Node:
    node = trace.view(run, place)
    node.below = []
    return node


def _with_data(run: Run, rows: Rows) -> Node:
    """A model's dataset, or its latents, with the datasets that it was trained on, down to the tuples."""
    tree = trace.dataset_sources(run, rows)
    for node in tree.walk():
        node.below = [below for below in node.below if below.dataset in TRAINED_ON]
    return tree


def _followed(
    run: Run, text: str, of_row: Callable[[Run, Place], Node], of_dataset: Callable[[Run, Rows], Node]
) -> Node:
    meant = identify(run, text)
    return of_dataset(run, run[meant.dataset]) if meant.dataset else _found(of_row(run, meant.places[0]), meant)


def _found(tree: Node, meant: Meant) -> Node:
    """The answer, which says how a picture was found."""
    tree.relation = meant.how if meant.how.startswith("found") else ""
    return tree
