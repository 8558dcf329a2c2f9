"""The page's texts: for the stages' plots and pictures, the systems that are scored, and the units of numbers.

A plot that is not listed is still drawn, under its own name: see `plot_words`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from components.common.systems import GAP, MODEL, ONE_REFERENCE, OVER_PASTED, PASTED, PLATE, REAL, SHUFFLED, VIEW_GAIN


@dataclass(frozen=True)
class Plot:
    """How rows are drawn. kind: columns, bars or lines. x, y: titles of the axes with units. says: one sentence.

    series: keys that are drawn -> their labels; empty: every number of the first row.
    """

    title: str
    x: str
    y: str
    says: str
    kind: str
    series: Mapping[str, str] = field(default_factory=dict)


TRAINING = Plot(
    "Loss",
    "training images",
    "weighted squared error of what the model predicts",
    "Loss while training.",
    "lines",
    {
        "loss": "all noise levels",
        "loss_t1": "least noise",
        "loss_t2": "less",
        "loss_t3": "more",
        "loss_t4": "most noise",
    },
)
PLOTS = {
    "ingest/sides": Plot(
        "Size of photographs", "shorter side (px)", "photographs", "How large the photographs are.", "columns"
    ),
    "ingest/views": Plot(
        "Photographs of a labelled product",
        "photographs of the product",
        "products",
        "How often the labelled products recur.",
        "columns",
    ),
    "detection/area_share": Plot(
        "Size of objects",
        "share of the photograph that the box covers (0 to 1)",
        "objects",
        "How much of its photograph an object fills.",
        "columns",
    ),
    "detection/categories": Plot(
        "What was found", "objects", "category", "The most frequent categories that detection names.", "bars"
    ),
    "detection/objects_per_photograph": Plot(
        "Objects in a photograph", "objects", "photographs", "How many objects a photograph has.", "columns"
    ),
    "detection/rejected": Plot(
        "Boxes that were rejected", "boxes", "rule", "How many boxes each rule rejected.", "bars"
    ),
    "embedding/embedding_spectrum": Plot(
        "Spread of the vectors",
        "principal component",
        "share of the variance (0 to 1)",
        "How many directions the vectors use: a steep start means few.",
        "lines",
        {"variance_share": "share"},
    ),
    "gate_vectors/deviation_by_dimension": Plot(
        "Spread by dimension",
        "dimension, by rank",
        "standard deviation",
        "A dimension at zero carries nothing.",
        "lines",
        {"deviation": "deviation"},
    ),
    "calibration/precision_against_threshold": Plot(
        "Precision by threshold",
        "least similarity (cosine)",
        "share of partners that are right (0 to 1)",
        "Where the similarity window may start: the lower bound has to reach the target.",
        "lines",
        {"precision": "measured", "lower_bound": "lower bound"},
    ),
    "mining/neighbour_similarity": Plot(
        "Similarity of neighbours",
        "similarity (cosine)",
        "share of objects (0 to 1)",
        "How similar the nearest objects of other photographs are.",
        "lines",
        {"first": "nearest", "second": "second", "third": "third"},
    ),
    "mining/recurrence_against_corpus_size": Plot(
        "Recurrence grows with the collection",
        "photographs",
        "share of objects (0 to 1)",
        "How many objects find a view, and enough views for a set, in random parts of the collection.",
        "lines",
        {"with_1_view": "a view or more", "with_min_views": "enough views for a set"},
    ),
    "mining/recurrence_by_collection": Plot(
        "Sets by collection",
        "objects with enough views for a set",
        "collection",
        "Which collections the sets come from.",
        "bars",
        {"with_min_views": "sets"},
    ),
    "mining/sets_by_category": Plot(
        "Sets by category", "sets", "category", "Which categories the sets belong to.", "bars", {"sets": "sets"}
    ),
    "gate_recurrence/precision_by_band": Plot(
        "Precision by similarity",
        "similarity, from (cosine)",
        "share of references that are right (0 to 1)",
        "Whether more similar references are more often right.",
        "lines",
        {"precision": "share that is right"},
    ),
    "gate_recurrence/precision_by_category": Plot(
        "Precision by category",
        "share of references that are right (0 to 1)",
        "category",
        "Whether some categories are mined worse than others.",
        "bars",
        {"precision": "share that is right"},
    ),
    "gate_recurrence/views_by_occurrence": Plot(
        "How often an object is a view",
        "sets that the object is a view in",
        "objects",
        "A long tail would mean that a few objects serve as everybody's view.",
        "columns",
    ),
    "removal/residual": Plot(
        "What is left of the object",
        "likeness of the filled box to the object (cosine, 0 to 1)",
        "backgrounds",
        "The further left, the better the object is gone.",
        "columns",
    ),
    "gate_tuples/residual": Plot(
        "What the gate sees of the object",
        "likeness to the object (cosine, second encoder, 0 to 1)",
        "backgrounds",
        "Judged by an encoder that did not mine; the further left, the better.",
        "columns",
    ),
    "gate_tuples/where_photographs_end": Plot(
        "Where photographs end", "photographs", "end", "The furthest place that each photograph reached.", "bars"
    ),
    "assembly/rejected_sets": Plot("Sets without a tuple", "sets", "reason", "Why sets did not become tuples.", "bars"),
    "train_insertion/loss": TRAINING,
    "train_generation/loss": TRAINING,
}
"""Stage/plot -> its texts."""

PICTURES = {
    "ingest/photographs": "Photographs, evenly spread over the collection.",
    "detection/boxes": "Photographs with the boxes that detection found, and its confidence.",
    "calibration/pairs_near_the_threshold": "The labelled pairs that are hardest to judge: nearest to the threshold.",
    "mining/sets": "Some sets, one per line: the anchor, then its views with their similarity.",
    "mining/without_a_set": "Objects that found no set, each with its nearest objects of other photographs.",
    "gate_recurrence/judged_pairs": "References that were judged, next to their anchors, and the verdict.",
    "gate_recurrence/pairs_to_judge": "References that still need a verdict.",
    "removal/plates": "Photographs, what was erased, and the clean plates without the object.",
    "removal/without_a_plate": "Photographs whose object could not be removed.",
    "captioning/captions": "What the captioner saw and wrote.",
    "assembly/tuples": "Training tuples, one per line: the references, the scene without the object, and the target.",
    "train_insertion/samples": "Held-out tuples, one per line: references, background, the model's result, target.",
    "train_generation/samples": "Held-out tuples, one per line: references, the model's result, target.",
    "evaluation/insertion_samples": f"The same scenes in every run; {SHUFFLED} is the model with another object's "
    "references.",
    "evaluation/placement_samples": "The same scenes in every run, where nobody has photographed the object; "
    f"{SHUFFLED} is the model with another object's references.",
    "evaluation/generation_samples": f"The same prompts in every run; {SHUFFLED} is the model with another object's "
    "references.",
}
"""Stage/figure -> its sentence."""

SYSTEMS = {
    REAL: "ceiling: real photos",
    MODEL: "the model",
    ONE_REFERENCE: "with one reference",
    PASTED: "baseline: copy-paste",
    SHUFFLED: "floor: other's refs",
    PLATE: "floor: empty scene",
}
"""System -> its label next to a chart, from the highest expected score to the lowest."""

CONTRASTS = {
    GAP: "own over other's refs",
    OVER_PASTED: "over copy-paste",
    VIEW_GAIN: "3 references over 1",
}
"""Paired difference -> its label next to a chart."""

UNITS = {
    "seconds": "s",
    "megabytes": "MB",
    "shorter_side": "px",
    "share": "share, 0 to 1",
    "precision": "share, 0 to 1",
    "recall": "share, 0 to 1",
    "at_least": "share, 0 to 1",
    "at_most": "share, 0 to 1",
    "low": "cosine",
    "high": "cosine",
    "bound": "share, 0 to 1",
    "yield_1": "share, 0 to 1",
    "yield_sets": "share, 0 to 1",
    "error": "0 to 1",
    "right_references": "share, 0 to 1",
    "similarity": "cosine",
    "threshold": "cosine",
    "votes": "independent votes",
}
"""Ending of a number's name -> its unit."""


def plot_words(stage: str, name: str, first: Mapping[str, object]) -> Plot:
    """The texts of a stage's plot. first: its first row, whose first key is x and whose other numbers are series."""
    x, *others = first
    series = {key: key.replace("_", " ") for key in others if isinstance(first[key], int | float)}
    if known := PLOTS.get(f"{stage}/{name}"):
        return known if known.series else replace(known, series=series)
    title, y = name.replace("_", " ").capitalize(), ", ".join(series.values())
    if isinstance(first[x], str):
        return Plot(title, y, x, f"{title}.", "bars", series)
    return Plot(title, x.replace("_", " "), y, f"{title}.", "lines", series)


def unit(stage: str, name: str) -> str:
    """The unit of a stage's number; empty if it is a count, has none, or none is known."""
    if stage in ("train_insertion", "train_generation", "gate_model"):
        return "0 to 1" if "error" in name or "gap" in name else ""
    last = name.rpartition("/")[2]
    return next((words for ending, words in UNITS.items() if last == ending or last.endswith(f"_{ending}")), "")
