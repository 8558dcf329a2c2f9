"""What came out of a run: photographs, objects, sets and tuples, and what was lost on the way, and why."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field

from components.common.data.reading import Dataset
from components.common.data.rejections import OBJECT, PHOTOGRAPH, SET, by_reason, meaning
from components.common.data.schemas import OF_LABELS
from pipelines.engines.workspace import Workspace


@dataclass(frozen=True)
class Level:
    """One level of the flow: what it counts, how many there are, and how many the next step lost.

    losses: reason in words -> how many. lost: what happened to them, as a predicate.
    """

    name: str
    count: int
    losses: Counter[str] = field(default_factory=Counter)
    lost: str = ""


def flow(workspace: Workspace, made: Collection[str]) -> list[Level]:
    """The levels that a run has reached. made: its current datasets, by name."""

    def rows(name: str) -> int:
        return len(Dataset(workspace.dataset(name)))

    levels = []
    if "images" in made:
        refused = _refused(Dataset(workspace.dataset("quarantine")))
        files = rows("images") + refused.total()
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
        levels.append(Level("tuples", rows("tuples")))
    return levels


def _refused(quarantine: Dataset) -> Counter[str]:
    """Files that ingest refused or passed over, by reason; rows of labels are not files."""
    reasons = Counter(quarantine.table(["reason"])["reason"].to_pylist())
    return _in_words("ingest", Counter({word: count for word, count in reasons.items() if word not in OF_LABELS}))


def _lost(workspace: Workspace, made: Collection[str], stage: str, subject: str) -> Counter[str]:
    if f"{stage}_rejects" not in made:
        return Counter()
    return _in_words(stage, by_reason(Dataset(workspace.dataset(f"{stage}_rejects")), subject))


def _in_words(stage: str, reasons: Counter[str]) -> Counter[str]:
    words: Counter[str] = Counter()
    for reason, count in reasons.items():
        words[meaning(stage, reason) or reason] += count
    return words
