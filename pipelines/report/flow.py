"""What came out of a run: photographs, objects, sets and tuples, and what was lost on the way, by which rule."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from components.common.data.reading import Dataset
from components.common.data.rejections import OBJECT, PHOTOGRAPH, REJECTIONS, SET, by_reason, meaning
from components.common.data.schemas import OF_LABELS
from pipelines.engines.workspace import Workspace


@dataclass(frozen=True)
class Loss:
    """How many were lost at a stage, and why in words."""

    count: int
    stage: str
    why: str


@dataclass(frozen=True)
class Level:
    """One level of the flow: how many of what there are, and what the step to the next level lost of them."""

    name: str
    count: int
    losses: list[Loss]
    lost: str = ""


def flow(workspace: Workspace, made: Collection[str]) -> list[Level]:
    """The levels that a run has reached. made: its current datasets, by name."""

    def rows(name: str) -> int:
        return len(Dataset(workspace.dataset(name)))

    levels = []
    if "images" in made:
        refused = _refused(Dataset(workspace.dataset("quarantine")))
        files = rows("images") + sum(loss.count for loss in refused)
        levels.append(Level("files", files, refused, "did not become photographs"))
        empty = _lost(workspace, made, "detection", PHOTOGRAPH)
        levels.append(Level("photographs", rows("images"), empty, "have no object"))
    if "objects" in made:
        lone = _lost(workspace, made, "mining", OBJECT)
        levels.append(Level("objects", rows("objects"), lone, "lead no set"))
    if "sets" in made:
        unused = _lost(workspace, made, "assembly", SET)
        levels.append(Level("sets", rows("sets"), unused, "became no tuple"))
    if "tuples" in made:
        levels.append(Level("tuples", rows("tuples"), []))
    return levels


def _refused(quarantine: Dataset) -> list[Loss]:
    """Files that ingest refused or passed over; rows of labels are no files."""
    reasons = Counter(quarantine.table(["reason"])["reason"].to_pylist())
    files = [(reason, count) for reason, count in reasons.most_common() if reason not in OF_LABELS]
    return [Loss(count, "ingest", meaning("ingest", str(reason))) for reason, count in files]


def _lost(workspace: Workspace, made: Collection[str], stage: str, subject: str) -> list[Loss]:
    if f"{stage}_rejects" not in made:
        return []
    reasons = by_reason(Dataset(workspace.dataset(f"{stage}_rejects")), subject)
    return [Loss(count, stage, REJECTIONS[stage].get(reason, reason)) for reason, count in reasons.most_common()]
