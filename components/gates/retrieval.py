"""Retrieval precision: how many references of this run's training sets show the product of their anchor.

Sets are drawn in the order of a hash, one reference of each. Labels answer where they name both objects, people where
they do not; only "same" is right. Draws are random, so it does not matter how pairs cluster by product: what is decided
is about this run's sets (`verdict.py`). Beside it stand, without deciding, the precision of all emitted pairs and what
these products say about others like them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.report import Report
from components.common.statistics import Ballot, Votes, count_votes
from components.common.vision.images import decode
from components.common.vision.sheets import Cell, sheet
from components.gates.checks import Check, Gate
from components.gates.draws import Lot, lot_of
from components.gates.known import RIGHT, UNKNOWN, WRONG, Known, known
from components.gates.params import Recurrence
from components.gates.queue import QUEUE, open_references, render_queue
from components.gates.verdict import Decision, Evidence, decide, gather

SHOWN = 32  # pairs on a sheet
BANDS = 4
UNUSED = 1 | 4
"""Flags of pairs that no set is made from: near-duplicates, and what resembles the benchmark."""


@dataclass(frozen=True)
class Judged:
    """A lot, what is known about its references (RIGHT, WRONG or UNKNOWN, int8 [R]), and about objects at large."""

    lot: Lot
    scores: np.ndarray
    known: Known


def retrieval_precision(inputs: dict[str, Path], params: Recurrence) -> Gate:
    """Decides about the run's sets; where that is not possible yet, lists the pairs to judge next."""
    objects = Dataset(inputs["objects"])
    lot = lot_of(Dataset(inputs["sets"]), objects)
    facts = known(Dataset(inputs["identities"]), Dataset(inputs["judgements"]), len(objects))
    judged = Judged(lot, facts.verdicts(lot.anchors[lot.set_of], lot.views), facts)
    evidence = gather(lot, facts, params)
    decision = decide(evidence, params)
    precision = Check(
        "right_references",
        "the share of right references, at least",
        # The decision is made; a last bit of the bound must not turn it.
        max(decision.lower, params.min_precision) if decision.word == "pass" else decision.lower,
        low=params.min_precision,
        next_step=_next_step(evidence, decision),
        undecided="verdicts are missing" if decision.word == "undecided" else "",
        sentence=decision.sentence,
    )
    outside = _outside(Dataset(inputs["sets"]), Dataset(inputs["pairs"]), lot)
    return Gate("retrieval-precision", (precision, outside), _shows(inputs, judged, evidence, decision, params))


def _next_step(evidence: Evidence, decision: Decision) -> str:
    if decision.word == "undecided":
        return (
            "run `objectmate label RUN`: it shows one pair after the other, takes your answer, stops once enough are "
            f"answered, and prints the command that runs again with them ({QUEUE} lists the pairs)"
        )
    if not evidence.sets:
        return "widen the window, or add photographs"
    return "narrow the window by raising its low end until precision is enough, or use a better encoder"


def _outside(sets: Dataset, pairs: Dataset, lot: Lot) -> Check:
    low, high = (np.float32(sets.facts[end]) for end in ("low", "high"))
    emitted = pairs.table(["similarity", "flags"])
    used = (emitted["flags"].to_numpy() & UNUSED) == 0
    similarity = np.concatenate([lot.similarities, emitted["similarity"].to_numpy()[used]])
    return Check(
        "outside_the_window",
        f"the number of references and pairs whose similarity is not within the stated window, {low:g} to {high:g}",
        int((~((similarity >= low) & (similarity <= high))).sum()),
        high=0,
        next_step="delete the sets and pairs datasets and run mining again",
    )


def _shows(
    inputs: dict[str, Path], judged: Judged, evidence: Evidence, decision: Decision, params: Recurrence
) -> Report:
    report = Report(
        {
            "right_references_at_most": decision.upper,
            "answered_draws": float(evidence.draws),
            "right_draws": float(evidence.right),
            "answers_missing": float(decision.missing),
            **_beside(inputs, judged, params),
        },
    )
    if len(judged.lot):
        report.plots["precision_by_band"] = _by_band(judged)
        report.plots["precision_by_category"] = _by_category(inputs, judged)
    if decision.word == "undecided":
        asked = open_references(judged.lot, judged.scores, evidence)
        report.files[QUEUE] = render_queue(inputs, judged.lot, asked)
        report.figures["pairs_to_judge"] = _sheet(inputs, judged.lot, asked[:SHOWN], [str(n + 1) for n in range(SHOWN)])
    answered = [ref for ref, score in zip(evidence.drawn, evidence.scores, strict=True) if score != UNKNOWN]
    answered.sort(key=lambda reference: judged.scores[reference])  # the wrong ones first
    if answered:
        words = ["right" if judged.scores[reference] == RIGHT else "wrong" for reference in answered[:SHOWN]]
        report.figures["judged_pairs"] = _sheet(inputs, judged.lot, answered[:SHOWN], words)
    return report


def _beside(inputs: dict[str, Path], judged: Judged, params: Recurrence) -> dict[str, float]:
    """What does not decide: coverage, the precision of pairs, and what is shown about other products."""
    lot, scores = judged.lot, judged.scores
    metrics = {
        "sets": float(len(lot)),
        "references": float(len(scores)),
        "references_with_verdict": float((scores != UNKNOWN).sum()),
    }
    pairs = Dataset(inputs["pairs"]).table(["src_row", "dst_row", "flags"])
    pairs = pairs.filter(pc.equal(pc.bit_wise_and(pairs["flags"], UNUSED), 0))
    of_pairs = judged.known.verdicts(pairs["src_row"].to_numpy(), pairs["dst_row"].to_numpy())
    metrics["pairs"], metrics["pairs_with_verdict"] = float(len(of_pairs)), float((of_pairs != UNKNOWN).sum())
    if (of_pairs != UNKNOWN).any():
        metrics["pair_precision"] = float((of_pairs == RIGHT).sum() / (of_pairs != UNKNOWN).sum())
    votes = _other_products(judged, params.confidence)
    if not votes.effective:
        return metrics
    return metrics | {
        "other_products_precision": votes.mean,
        "other_products_votes": votes.effective,
        "other_products_at_least": votes.bound,
        "references_nobody_labelled": float(
            (scores[judged.known.subject[lot.anchors[lot.set_of]] >= 0] == UNKNOWN).sum()
        ),
    }


def _other_products(judged: Judged, confidence: float) -> Votes:
    """What sets of labelled anchors show about products like theirs; references that nobody labelled are wrong."""
    lot, subject = judged.lot, judged.known.subject
    labelled = np.flatnonzero(subject[lot.anchors] >= 0)
    if not len(labelled):
        return Votes(0.0, 0.0, 0.0)
    place = np.full(len(lot), -1)
    place[labelled] = np.arange(len(labelled))
    votes, partner = place[lot.set_of], subject[lot.views]
    known_pairs = (votes >= 0) & (partner >= 0)
    strangers = np.bincount(votes[(votes >= 0) & (partner < 0)], minlength=len(labelled))
    ballot = Ballot(
        votes[known_pairs],
        partner[known_pairs],
        judged.scores[known_pairs] == RIGHT,
        subject[lot.anchors[labelled]],
        strangers,
    )
    return count_votes(ballot, confidence)


def _by_band(judged: Judged) -> list[dict[str, Any]]:
    """Precision in bands of similarity with equally many references."""
    edges = np.unique(np.quantile(judged.lot.similarities, np.arange(BANDS) / BANDS))
    bands = np.searchsorted(edges, judged.lot.similarities, side="right") - 1
    return [
        {"similarity_from": round(float(edge), 4)} | _counted(judged.scores[bands == n]) for n, edge in enumerate(edges)
    ]


def _by_category(inputs: dict[str, Path], judged: Judged) -> list[dict[str, Any]]:
    lot, categories = judged.lot, Dataset(inputs["objects"]).table(["category"])["category"]
    of_anchor = categories.take(pa.array(lot.anchors, pa.int64())).to_numpy(zero_copy_only=False)
    of_reference = of_anchor[lot.set_of]
    return [
        {"category": name} | _counted(judged.scores[of_reference == name])
        for name in sorted(set(of_reference.tolist()))
    ]


def _counted(scores: np.ndarray) -> dict[str, Any]:
    right, wrong = int((scores == RIGHT).sum()), int((scores == WRONG).sum())
    return {"precision": right / (right + wrong) if right + wrong else None, "judged": right + wrong}


def _sheet(inputs: dict[str, Path], lot: Lot, references: list[int], captions: list[str]) -> Image.Image:
    """Pairs of objects side by side."""
    objects = Dataset(inputs["objects"])
    table = objects.table(blob_columns("crop"))
    rows: list[list[Cell]] = []
    for reference, caption in zip(references, captions, strict=False):
        anchor, view = (table.slice(row, 1).to_pylist()[0] for row in lot.pair(reference))
        rows.append([(decode(objects.blob(anchor, "crop")), caption), decode(objects.blob(view, "crop"))])
    return sheet(rows, ["anchor", "reference"], side=96, abreast=4)
