"""How good the committed models are, recomputed from their weights and the committed photographs, with intervals.

Every interval resamples whole designs: photographs of one design are not independent. What needs the grid UNets stands
in `components.sandbox.verify_drawing`, as it needs the evaluation's own judges.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from components.common.data.sandbox import MODELS, WORLD
from components.common.statistics import Interval, cluster_bootstrap, share_lower_bound
from components.common.vision.encoders import load_encoder
from components.sandbox.training import train_captioner, train_detector, train_remover
from components.sandbox.training.crops import SplitData, box_crops, held_out
from components.sandbox.training.measure import Neighbours, ap50
from components.sandbox.training.train_ir import pooled

DRAWS, TAIL = 1000, 0.025
PRECISION = 0.7
"""What the lower bound of the window's precision has to reach (paper, section 3)."""


@dataclass(frozen=True)
class Row:
    """One line of the table: a measured value, its 95 % interval, and the least it has to be, if anything."""

    what: str
    value: float
    low: float
    high: float
    bar: float | None = None

    @classmethod
    def of(cls, what: str, found: Interval, bar: float | None = None) -> "Row":
        """The row of an interval."""
        value, low, high = (round(float(limit), 4) for limit in found)
        return cls(what, value, low, high, bar)

    @property
    def passed(self) -> bool:
        """Whether the value reaches its bar."""
        return self.bar is None or self.value >= self.bar


def bootstrap(statistic: Callable[[np.ndarray], float], clusters: Sequence[str], seed: int = 0) -> Interval:
    """A statistic of row numbers, with a percentile interval from resampling whole clusters."""
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    members = [np.flatnonzero(codes == code) for code in range(len(names))]
    rng = np.random.default_rng(seed)
    drawn = [np.concatenate([members[k] for k in rng.integers(len(names), size=len(names))]) for _ in range(DRAWS)]
    low, high = np.quantile([statistic(rows) for rows in drawn], [TAIL, 1 - TAIL])
    return Interval(statistic(np.arange(len(codes))), float(low), float(high))


def detector_rows(splits: list[SplitData]) -> list[Row]:
    """Average precision at IoU .5."""
    found, truth = train_detector.detections(MODELS / "detector", splits)
    mains = [next(p.design for p in data.products if p.photo == k) for data in splits for k in range(len(data.photos))]

    def statistic(photos: np.ndarray) -> float:
        return ap50([found[k] for k in photos], [truth[k] for k in photos])

    return [Row.of("detector: AP50", bootstrap(statistic, mains), 0.85)]


def retrieval_rows(splits: list[SplitData]) -> list[Row]:
    """Recall@1 of four encoders, the lead over semantic ones (the paper's Figure 2), and the window's yield."""
    crops = [box_crops(data) for data in splits]
    vectors, found = {}, {}
    for name in ("ir", "second_ir", "clip", "dino"):
        encoder = load_encoder(str(MODELS / name), mirror=True)
        vectors[name] = [encoder.embed(own) for own in crops]
        found[name] = Neighbours(*pooled(vectors[name], splits))
    rows = [
        Row.of(f"{name}: recall@1", cluster_bootstrap(own.hits, own.asked), 0.95 if name == "ir" else None)
        for name, own in found.items()
    ]
    ir, semantic = found["ir"], max((found["clip"], found["dino"]), key=lambda own: own.hits.mean())
    lead = cluster_bootstrap((ir.hits - semantic.hits).tolist(), ir.asked)
    rows.append(Row.of("ir: lead in recall@1 over the better of clip and dino", lead, 0.1))
    # The corpus is what the default run mines. In the benchmark, four views a design leave none to miss, and where a
    # design looks otherwise from behind there are not three of one side.
    mined = Neighbours(*pooled(vectors["ir"][:1], splits[:1]))
    return [*rows, *_window_rows(mined, "the corpus"), *_window_rows(ir, "corpus and benchmark")]


def _window_rows(ir: Neighbours, where: str) -> list[Row]:
    """The widest window whose precision bound holds, found on the pairs that it is judged on, and its yield."""
    threshold = ir.threshold(PRECISION)
    if threshold is None:
        return [Row(f"ir: precision bound of the window in {where}", 0.0, 0.0, 0.0, PRECISION)]
    inside = ir.scores >= threshold
    correct, total = int(ir.correct[inside].sum()), int(inside.sum())
    bound = share_lower_bound(correct, total)
    what = f"ir: precision bound of the window from {threshold:.3f} in {where} (precision {correct / total:.3f})"
    precision = Row.of(what, Interval(bound, bound, bound), PRECISION)
    served = cluster_bootstrap(ir.served(threshold), ir.asked)
    return [precision, Row.of(f"ir: objects of {where} with 3 views in it", served, 0.8)]


def remover_rows() -> list[Row]:
    """The remover's error beside Telea's, as a ratio: above 1 it is better."""
    rows, designs = train_remover.errors(MODELS / "remover", [WORLD / name for name in ("corpus", "benchmark")])

    def ratio(place: str) -> Interval:
        own, telea = (np.array([row[name + place] for row in rows]) for name in ("", "telea_"))
        return bootstrap(lambda picks: float(np.nanmean(telea[picks]) / np.nanmean(own[picks])), designs)

    return [
        Row.of("remover: Telea's error in the box / its own", ratio("box_error"), 1.5),
        Row.of("remover: the same on shadows outside the box", ratio("shadow_error"), 1.0),
    ]


def captioner_rows(splits: list[SplitData]) -> list[Row]:
    """Right attributes: print, two colours, shape, floor and wall."""
    rows = train_captioner.comparisons(MODELS / "captioner", splits)
    designs = [product.design for data in splits for product in data.products]
    places = [name for name in rows[0] if name not in ("words", "both_colours", "grammatical")]
    return [
        Row.of("captioner: attributes right", cluster_bootstrap([row["words"] for row in rows], designs), 0.9),
        *(Row.of(f"captioner: {name}", cluster_bootstrap([row[name] for row in rows], designs)) for name in places),
    ]


def model_rows() -> list[Row]:
    """The table of all models but the grid UNets."""
    splits = held_out()
    return [*detector_rows(splits), *retrieval_rows(splits), *remover_rows(), *captioner_rows(splits)]
