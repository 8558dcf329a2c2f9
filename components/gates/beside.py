"""What the retrieval-precision gate prints next to its decision: coverage, precision of pairs, other products."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.join.flags import UNUSED
from components.common.statistics import Ballot, Votes, count_votes
from components.gates.draws import Lot
from components.gates.known import RIGHT, UNKNOWN, WRONG, Known

BANDS = 4


def coverage(scores: np.ndarray, lot: Lot, known: Known) -> tuple[dict[str, float], list[str]]:
    """How many references have a verdict, and how many of people's verdicts are overruled by labels.

    scores: RIGHT, WRONG or UNKNOWN per reference, int8 [R].
    """
    judged, overruled = int((scores != UNKNOWN).sum()), known.overruled()
    metrics = {
        "sets": float(len(lot)),
        "references": float(len(scores)),
        "references_with_verdict": float(judged),
        "verdicts_overruled": float(overruled),
    }
    notes = [f"{judged:,} of {len(scores):,} references have a verdict, by labels or by people."]
    if overruled:
        notes.append(
            f"Labels contradict people on {overruled} of {len(known.judged)} judged pairs. Labels decide: correct "
            "them, or take the verdicts out."
        )
    return metrics, notes


def precision_of_pairs(pairs: Dataset, known: Known) -> tuple[dict[str, float], list[str]]:
    """The share of right ones among the pairs that sets are made from, as far as they have a verdict."""
    table = pairs.table(["src_row", "dst_row", "flags"])
    table = table.filter(pc.equal(pc.bit_wise_and(table["flags"], int(UNUSED)), 0))
    verdicts = known.verdicts(table["src_row"].to_numpy(), table["dst_row"].to_numpy())
    right, judged = int((verdicts == RIGHT).sum()), int((verdicts != UNKNOWN).sum())
    metrics = {"pairs": float(len(verdicts)), "pairs_with_verdict": float(judged)}
    if not judged:
        return metrics, []
    share = right / judged
    return metrics | {"pair_precision": share}, [
        f"Of the {len(verdicts):,} pairs in the window, {judged:,} have a verdict and {share:.3f} of these are right. "
        "This does not decide: a product with many photographs has many pairs."
    ]


def other_products(scores: np.ndarray, lot: Lot, known: Known, confidence: float) -> tuple[dict[str, float], list[str]]:
    """What sets of labelled anchors show about products like theirs; references without a label count as wrong.

    scores: RIGHT, WRONG or UNKNOWN per reference, int8 [R].
    """
    votes = _votes(scores, lot, known, confidence)
    if not votes.effective:
        return {}, []
    anchors, views = lot.pairs
    strangers = int(((known.subject[anchors] >= 0) & (known.subject[views] < 0)).sum())
    counted = f", {strangers:,} references without a label counted as wrong" if strangers else ""
    metrics = {
        "other_products_precision": votes.mean,
        "other_products_votes": votes.effective,
        "other_products_at_least": votes.bound,
        "references_nobody_labelled": float(strangers),
    }
    return metrics, [
        f"Of other products like the labelled ones, at least {votes.bound:.3f} of the references would be right "
        f"({confidence:.0%}; worth {votes.effective:.1f} independent votes, mean {votes.mean:.3f}{counted}). "
        "This does not decide."
    ]


def _votes(scores: np.ndarray, lot: Lot, known: Known, confidence: float) -> Votes:
    labelled = np.flatnonzero(known.subject[lot.anchors] >= 0)
    if not len(labelled):
        return Votes(0.0, 0.0, 0.0)
    place = np.full(len(lot), -1)
    place[labelled] = np.arange(len(labelled))
    votes, partner = place[lot.set_of], known.subject[lot.views]
    both = (votes >= 0) & (partner >= 0)
    strangers = np.bincount(votes[(votes >= 0) & (partner < 0)], minlength=len(labelled))
    subject = known.subject[lot.anchors[labelled]]
    return count_votes(Ballot(votes[both], partner[both], scores[both] == RIGHT, subject, strangers), confidence)


def by_band(scores: np.ndarray, lot: Lot) -> list[dict[str, Any]]:
    """Precision in bands of similarity with equally many references."""
    edges = np.unique(np.quantile(lot.similarities, np.arange(BANDS) / BANDS))
    bands = np.searchsorted(edges, lot.similarities, side="right") - 1
    return [{"similarity_from": round(float(edge), 4)} | _counted(scores[bands == n]) for n, edge in enumerate(edges)]


def by_category(scores: np.ndarray, lot: Lot, objects: Dataset) -> list[dict[str, Any]]:
    """Precision by the category of the anchor."""
    categories = objects.table(["category"])["category"]
    of_anchor = categories.take(pa.array(lot.anchors, pa.int64())).to_numpy(zero_copy_only=False)
    of_reference = of_anchor[lot.set_of]
    return [{"category": name} | _counted(scores[of_reference == name]) for name in sorted(set(of_reference.tolist()))]


def _counted(scores: np.ndarray) -> dict[str, Any]:
    right, wrong = int((scores == RIGHT).sum()), int((scores == WRONG).sum())
    return {"precision": right / (right + wrong) if right + wrong else None, "judged": right + wrong}
