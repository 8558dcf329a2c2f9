"""A picture that a model made: the model, its data, the scene and the references that the picture itself names."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_file
from components.common.vision.origin import Origin, origin_of
from components.lineage.identify import is_file
from components.lineage.rows import Rows, Run
from components.lineage.trace import Node, Place

MADE = "picture"
NAMED_BELOW = ("model", "model_name", "trained_on", "references", "scene")
"""What the tree shows below the picture."""


def made_picture(run: Run, text: str) -> tuple[Path, Origin] | None:
    """A picture's file and the origin that it states; None if it states none, or is one of the run's photographs."""
    path = Path(text)
    if not is_file(text) or ("images" in run.datasets and run["images"].where("image_id", [digest_file(path)])):
        return None
    origin = origin_of(path.read_bytes())
    return (path, origin) if origin else None


def made_node(
    run: Run, path: Path, origin: Origin, of_row: Callable[[Run, Place], Node], of_dataset: Callable[[Run, Rows], Node]
) -> Node:
    """The picture, and below it the model, the scene and the references; those that the run has are followed."""
    shown = [each for each in fields(origin) if each.name not in NAMED_BELOW]
    says = {each.name: getattr(origin, each.name) for each in shown if getattr(origin, each.name) != each.default}
    node = Node(MADE, digest_file(path), {"file": path.name, **says, "boxes": " ".join(origin.boxes)})
    node.below.append(_model(run, origin, of_dataset))
    named = {"scene": origin.scene} if origin.scene else {}
    named |= {f"reference {k}": digest for k, digest in enumerate(origin.references, 1)}
    node.below += [_photograph(run, digest, relation, of_row) for relation, digest in named.items()]
    return node


def _model(run: Run, origin: Origin, of_dataset: Callable[[Run, Rows], Node]) -> Node:
    digests = {rows.dataset.digest: rows for rows in run.datasets.values()}
    if origin.model in digests:
        node = of_dataset(run, digests[origin.model])
        node.relation = "model"
        return node
    says: dict[str, Any] = {"name": origin.model_name, "missing": "no dataset of this run has this digest"}
    node = Node("model", origin.model, says, "model")
    if origin.trained_on:
        known = digests.get(origin.trained_on)
        data = of_dataset(run, known) if known else Node("latents", origin.trained_on, {"missing": says["missing"]})
        data.relation = "trained on"
        node.below.append(data)
    return node


def _photograph(run: Run, digest: str, relation: str, of_row: Callable[[Run, Place], Node]) -> Node:
    rows = run.datasets.get("images")
    if rows and (positions := rows.where("image_id", [digest])):
        node = of_row(run, Place("images", positions[0]))
        node.relation = relation
        return node
    return Node("file", digest, {"missing": "no photograph of this run has these bytes"}, relation)
