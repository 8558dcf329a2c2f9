"""The measures of the detector, the encoders, the remover and the captioner, from their weights and photographs."""

import numpy as np

from components.common.data.sandbox import MODELS
from components.common.statistics import Interval, cluster_bootstrap
from components.common.vision.encoders import load_encoder
from components.sandbox.training import train_captioner, train_detector, train_remover
from components.sandbox.training.crops import HELD_OUT, SplitData, box_crops, held_out
from components.sandbox.training.measure import Neighbours, ap50
from components.sandbox.training.train_ir import pooled
from components.sandbox.verify.intervals import bootstrap, precision_above
from components.sandbox.verify.table import PRECISION, Measured


def small_models() -> dict[str, Measured]:
    """Row of the table -> measure, for all models except the grid UNets."""
    corpus, benchmark = held_out()
    both = [corpus, benchmark]
    return detector(both) | encoders(corpus, benchmark) | remover() | captioner(both)


def detector(splits: list[SplitData]) -> dict[str, Measured]:
    """Average precision at IoU .5."""
    detections, truth = train_detector.detections(MODELS / "detector", splits)
    mains = [next(p.design for p in data.products if p.photo == k) for data in splits for k in range(len(data.photos))]

    def statistic(photos: np.ndarray) -> float:
        return ap50([detections[k] for k in photos], [truth[k] for k in photos])

    return {"detector: AP50": Measured(bootstrap(statistic, mains))}


def encoders(corpus: SplitData, benchmark: SplitData) -> dict[str, Measured]:
    """Recall@1 of four encoders, the lead over semantic ones (the paper's Figure 2), and the window of the
    mining one."""
    splits = [corpus, benchmark]
    crops = [box_crops(data) for data in splits]
    vectors = {}
    for name in ("ir", "second_ir", "clip", "dino"):
        encoder = load_encoder(str(MODELS / name), mirror=True)
        vectors[name] = [encoder.embed(of_split) for of_split in crops]
    neighbours = {name: Neighbours(*pooled(of_encoder, splits)) for name, of_encoder in vectors.items()}
    recalls = {
        f"{name}: recall@1": Measured(cluster_bootstrap(of_encoder.hits, of_encoder.asked))
        for name, of_encoder in neighbours.items()
    }
    of_corpus, of_benchmark = (Neighbours(*pooled(vectors["ir"][k : k + 1], splits[k : k + 1])) for k in (0, 1))
    return recalls | _lead(neighbours) | window(of_corpus, of_benchmark)


def _lead(neighbours: dict[str, Neighbours]) -> dict[str, Measured]:
    ir, semantic = neighbours["ir"], max((neighbours["clip"], neighbours["dino"]), key=lambda own: own.hits.mean())
    lead = cluster_bootstrap((ir.hits - semantic.hits).tolist(), ir.asked)
    return {"ir: lead in recall@1 over the better of clip and dino": Measured(lead)}


def window(corpus: Neighbours, benchmark: Neighbours) -> dict[str, Measured]:
    """The widest window whose precision bound holds in the corpus: its precision in the benchmark, its yield.

    If no window holds, nothing is retrieved and every measure is 0.
    """
    threshold = corpus.threshold(PRECISION)
    if threshold is None:
        nothing = Measured(Interval(0.0, 0.0, 0.0), "no window holds in the corpus")
        precision = views = views_in_corpus = nothing
    else:
        precision = Measured(precision_above(benchmark, threshold), f"from {threshold:.3f}")
        views = Measured(cluster_bootstrap(benchmark.served(threshold), benchmark.asked))
        views_in_corpus = Measured(cluster_bootstrap(corpus.served(threshold), corpus.asked))
    return {
        "ir: precision of the benchmark's pairs in the corpus' window": precision,
        "ir: objects of the benchmark with 3 views in it": views,
        "ir: objects of the corpus with 3 views in it": views_in_corpus,
    }


def remover() -> dict[str, Measured]:
    """Telea's error divided by the remover's: above 1 the remover is better."""
    rows, designs = train_remover.errors(MODELS / "remover", HELD_OUT)

    def ratio(place: str) -> Measured:
        own, telea = (np.array([row[name + place] for row in rows]) for name in ("", "telea_"))
        return Measured(bootstrap(lambda picks: float(np.nanmean(telea[picks]) / np.nanmean(own[picks])), designs))

    return {
        "remover: Telea's error in the box / its own": ratio("box_error"),
        "remover: the same on shadows outside the box": ratio("shadow_error"),
    }


def captioner(splits: list[SplitData]) -> dict[str, Measured]:
    """Right attributes, overall and one by one: print, its colours, shape, floor and wall."""
    rows = train_captioner.comparisons(MODELS / "captioner", splits)
    designs = [product.design for data in splits for product in data.products]
    names = {name: name for name in rows[0] if name not in ("words", "both_colours", "grammatical")}
    names["words"] = "attributes right"
    return {
        f"captioner: {title}": Measured(cluster_bootstrap([row[name] for row in rows], designs))
        for name, title in names.items()
    }
