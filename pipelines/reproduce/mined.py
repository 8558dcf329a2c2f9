"""How well an encoder mined a collection, judged by labels: compares two runs on the same objects."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from components.common.counts import counted
from components.common.data.reading import Dataset
from components.common.statistics import LEAST_CLUSTERS
from components.gates.known import RIGHT, UNKNOWN, known
from pipelines.engines.state import current_steps
from pipelines.engines.workspace import Workspace
from pipelines.reproduce.answer import Answer, compared
from pipelines.steps import STEPS


class Mined(NamedTuple):
    """product: of each object, empty if it has no label, str [N]. right: for each object that anchors a set, the share
    of its references that show its product, else NaN, float64 [N]. window: the similarities, in words."""

    product: np.ndarray
    right: np.ndarray
    window: str

    def sentence(self, label: str) -> str:
        """How many sets of how many products were mined, in which window."""
        anchors = ~np.isnan(self.right)
        products = counted(len(set(self.product[anchors])), "product")
        return f"{label}: {counted(int(anchors.sum()), 'set')} of {products}, window {self.window}."


def mined(workspace: Workspace) -> Mined:
    """Reads a run's sets. Raises `ValueError` if it has none."""
    if STEPS["mining"] not in current_steps(workspace):
        raise ValueError(f"the run in {workspace.root} has mined no sets")
    data = {name: Dataset(workspace.dataset(name)) for name in ("objects", "sets", "identities", "judgements")}
    count = len(data["objects"])
    product = np.full(count, "", dtype=object)
    for row in data["identities"].rows(["row", "subject"]):
        product[row["row"]] = row["subject"]
    facts = known(data["identities"], data["judgements"], count)
    right = np.full(count, np.nan)
    for row in data["sets"].rows(["anchor", "views"]):
        verdicts = facts.verdicts(np.full(len(row["views"]), row["anchor"]), np.array(row["views"]))
        if product[row["anchor"]] and (verdicts != UNKNOWN).all():
            right[row["anchor"]] = (verdicts == RIGHT).mean()
    window = Dataset(workspace.dataset("calibration")).facts
    passed = "" if window.get("passed") else ", which labels do not support"
    return Mined(product.astype(str), right, f"{window['low']:.3f} to {window['high']:.3f}{passed}")


def precision(question: str, labels: tuple[str, str], ours: Workspace, other: Workspace) -> Answer:
    """Share of a set's references that show its anchor's product, over the products of which both mined sets.

    Raises `ValueError` if the runs have different objects or too few products.
    """
    first, second = _same_objects(ours, other)
    means = [_by_product(each.product, each.right) for each in (first, second)]
    common = sorted(means[0].keys() & means[1].keys())
    if len(common) < LEAST_CLUSTERS:
        summary = " ".join(each.sentence(label) for label, each in zip(labels, (first, second), strict=True))
        raise ValueError(
            f"both mined sets of {counted(len(common), 'product')}, and {LEAST_CLUSTERS} are needed. {summary[:-1]}"
        )
    answer = compared(question, labels, common, *([side[name] for name in common] for side in means))
    return _noted(answer, labels, (first, second))


def usable(question: str, labels: tuple[str, str], ours: Workspace, other: Workspace) -> Answer:
    """Share of right references of each labelled object, 0 where it anchors no set: precision and yield in one.

    Raises `ValueError` as `precision` does.
    """
    first, second = _same_objects(ours, other)
    named = first.product != ""
    values = (np.nan_to_num(each.right[named]).tolist() for each in (first, second))
    return _noted(compared(question, labels, first.product[named].tolist(), *values), labels, (first, second))


def _same_objects(ours: Workspace, other: Workspace) -> tuple[Mined, Mined]:
    first, second = mined(ours), mined(other)
    if len({Dataset(each.dataset("objects")).digest for each in (ours, other)}) > 1:
        raise ValueError(f"{ours.root} and {other.root} have different objects: run the given run again")
    return first, second


def _by_product(product: np.ndarray, right: np.ndarray) -> dict[str, float]:
    anchors = ~np.isnan(right)
    return {str(name): float(right[anchors & (product == name)].mean()) for name in np.unique(product[anchors])}


def _noted(answer: Answer, labels: tuple[str, str], both: Sequence[Mined]) -> Answer:
    note = " ".join(each.sentence(label) for label, each in zip(labels, both, strict=True))
    return Answer(**{**vars(answer), "note": note})
