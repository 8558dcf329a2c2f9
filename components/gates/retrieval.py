"""Retrieval precision: how many references of this run's training sets show the product of their anchor.

Sets are drawn in the order of a hash, one reference of each. Labels answer where they name both objects, people where
they do not; only "same" is right. Draws are random, so it does not matter how pairs cluster by product: the decision is
about this run's sets (`verdict.py`). What is printed next to it comes from `beside.py`.
"""

from pathlib import Path

import numpy as np
from PIL import Image

from components.common.data.reading import Dataset
from components.common.join.flags import UNUSED
from components.common.stage.report import Report
from components.common.vision.object_pictures import ObjectPictures
from components.common.vision.sheets import Cell, sheet
from components.gates.advice import Window, window_of
from components.gates.beside import by_band, by_category, coverage, other_products, precision_of_pairs
from components.gates.checks import RUN, Check, Gate
from components.gates.draws import Lot, lot_of
from components.gates.known import RIGHT, UNKNOWN, known
from components.gates.params import Recurrence
from components.gates.queue import QUEUE, references_for_people, render_queue
from components.gates.verdict import Decision, Evidence, decide, gather

SHOWN, SIDE = 32, 112  # pairs on a sheet; px of each picture
LABELS = (
    "If you know which photographs show the same product, run again with --labels FILE instead, a CSV with the columns "
    "path and subject"
)


def retrieval_precision(inputs: dict[str, Path], params: Recurrence) -> Gate:
    """Decides about the run's sets; where that is not possible yet, lists the pairs to judge next."""
    objects = Dataset(inputs["objects"])
    sets = Dataset(inputs["sets"])
    lot = lot_of(sets, objects)
    facts = known(Dataset(inputs["identities"]), Dataset(inputs["judgements"]), len(objects))
    scores = facts.verdicts(*lot.pairs)
    evidence = gather(lot, scores, params)
    decision = decide(evidence, params)
    report = _decided(evidence, decision)
    for metrics, notes in (
        coverage(scores, lot, facts),
        precision_of_pairs(Dataset(inputs["pairs"]), facts),
        other_products(scores, lot, facts, params.confidence),
    ):
        report.metrics.update(metrics)
        report.notes.extend(notes)
    if len(lot):
        report.plots["precision_by_band"] = by_band(scores, lot)
        report.plots["precision_by_category"] = by_category(scores, lot, objects)
    if decision.word == "undecided" or len(facts.judged):
        asked = references_for_people(lot, facts.by_labels(*lot.pairs), scores, evidence)
        if asked:
            report.files[QUEUE] = render_queue(inputs, lot, asked)
    if decision.word == "undecided":
        still_open = [(reference, str(n)) for n, reference in enumerate(asked, 1) if scores[reference] == UNKNOWN]
        report.figures["pairs_to_judge"] = _sheet(inputs, lot, still_open)
    answered = [ref for ref, score in zip(evidence.drawn, evidence.scores, strict=True) if score != UNKNOWN]
    answered.sort(key=lambda reference: scores[reference])  # the wrong ones first
    if answered:
        words = ["right" if scores[reference] == RIGHT else "wrong" for reference in answered]
        report.figures["judged_pairs"] = _sheet(inputs, lot, list(zip(answered, words, strict=True)))
    window = window_of(Dataset(inputs["calibration"]))
    outside = _outside(sets, Dataset(inputs["pairs"]), lot)
    return Gate("retrieval-precision", (_precision(evidence, decision, params, window), outside), report)


def _precision(evidence: Evidence, decision: Decision, params: Recurrence, window: Window) -> Check:
    return Check(
        "right_references",
        "the share of right references, at least",
        # The decision is made; rounding of the bound must not reverse it.
        max(decision.lower, params.min_precision) if decision.word == "pass" else decision.lower,
        low=params.min_precision,
        next_step=_next_step(evidence, decision, window),
        undecided="verdicts are missing" if decision.word == "undecided" else "",
        sentence="; ".join(filter(None, (window.truth if decision.word != "pass" else "", decision.sentence))),
    )


def _next_step(evidence: Evidence, decision: Decision, window: Window) -> str:
    if window.unused_labels:
        return window.unused_labels
    if decision.word == "undecided":
        label = (
            f"run `objectmate review {RUN}`, in the browser, or `objectmate label {RUN}`, on the terminal: it shows "
            "pairs, takes your answers, says when there are enough, and prints the command that runs again with them"
        )
        return label if window.labelled else f"{label}. {LABELS}"
    return window.narrower if evidence.sets else window.wider


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


def _decided(evidence: Evidence, decision: Decision) -> Report:
    return Report(
        {
            "right_references_at_most": decision.upper,
            "answered_draws": float(evidence.draws),
            "right_draws": float(evidence.right),
            "answers_missing": float(decision.missing),
        },
    )


def _sheet(inputs: dict[str, Path], lot: Lot, references: list[tuple[int, str]]) -> Image.Image:
    """Pairs side by side, each object next to the photograph that it is in. references: each with its caption."""
    pictures = ObjectPictures(Dataset(inputs["images"]), Dataset(inputs["objects"]))
    rows: list[list[Cell]] = []
    for reference, caption in references[:SHOWN]:
        anchor, view = lot.pair(reference)
        first: Cell = (pictures.crop(anchor), caption)
        rows.append([first, pictures.photograph(anchor, SIDE), pictures.crop(view), pictures.photograph(view, SIDE)])
    shown = f"first {len(rows)} of {len(references)}" if len(references) > len(rows) else "anchor"
    return sheet(rows, [shown, "where it is", "reference", "where it is"], SIDE, abreast=2)
