"""What the paper describes without claiming it, for this run: figures 3a, 3b, 3c and 4, and the table of datasets."""

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from components.common.data.files import read_json
from pipelines.engines.workspace import Workspace
from pipelines.report.section import draw
from pipelines.steps import STEPS

FIGURES = (
    ("calibration", "precision_against_threshold", "figure 3a", ".70 of pairs are right from a cosine of .93 up"),
    ("mining", "neighbour_similarity", "figure 3b", "its values are not known"),
    ("mining", "recurrence_against_corpus_size", "figure 3c", "its values are not known"),
    (
        "mining",
        "sets_by_category",
        "figure 4",
        "refrigerators, airplanes, basketballs, footballs, ceiling fans, helmets and cars recur most",
    ),
)
"""Stage, plot, the paper's figure, and what is known of it."""
PUBLISHED = (
    ("COCO", 108_151, 362_684, 31_445, 17_119),
    ("Open Images", 1_743_042, 8_067_907, 471_091, 64_991),
    ("a part of the web", 47_992_480, 55_232_441, 9_947_017, 4_550_770),
)
"""The paper's table of datasets. Its last number for Open Images is .8 % of the objects; the paper prints 2.4 %."""


@dataclass(frozen=True)
class Described:
    """A figure of the paper, and this run's version of it."""

    title: str
    says: str
    where: str
    published: str
    chart: Markup


@dataclass(frozen=True)
class Corpus:
    """A line of the table of datasets. published: whether the numbers are the paper's."""

    published: bool
    name: str
    photographs: int
    objects: int
    one: int
    enough: int


def described(workspace: Workspace) -> tuple[list[Described], list[Corpus]]:
    """The figures and the table of datasets; a figure that the run did not draw is left out."""
    figures = []
    for stage, name, where, published in FIGURES:
        if rows := _plot(workspace, stage, name):
            words, chart = draw(stage, name, rows)
            figures.append(Described(words.title, words.says, where, published, chart))
    own = _plot(workspace, "mining", "recurrence_by_collection")
    keys = ("collection", "photographs", "objects", "with_1_view", "with_min_views")
    corpora = [Corpus(False, *(row[key] for key in keys)) for row in own]
    return figures, [*corpora, *(Corpus(True, *row) for row in PUBLISHED)]


def _plot(workspace: Workspace, stage: str, name: str) -> list[dict[str, Any]]:
    path = workspace.report(STEPS[stage]) / "plots" / f"{name}.json"
    return read_json(path) if path.is_file() else []  # type: ignore[return-value]
