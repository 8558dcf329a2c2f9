"""Retrieval precision: how many of the emitted pairs show the same product, as judged by people (or by known subjects).

Pass: the one-sided Clopper-Pearson lower bound reaches the limit; a point estimate is not a pass. Fail: the upper bound
is below the limit, or so many labels were judged that a retrieval worth having would have passed. Undecided: neither;
then the gate says how many labels are missing and which pairs to label next. Only the verdict "same" counts as right:
"unsure" and "duplicate" are wrong. Where raters disagree about a pair, more than half must say "same".

Clopper-Pearson takes pairs as independent, which pairs of one subject are not: the bound with whole subjects resampled
stands beside it. It does not decide, as it needs many subjects to mean something.
"""

import json
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
from components.common.statistics import cluster_lower_bound, share_lower_bound, share_upper_bound
from components.common.vision.images import decode
from components.common.vision.sheets import Cell, sheet
from components.gates.checks import Check, Gate
from components.gates.params import Recurrence
from components.gates.sampling import Frame, choose, labels_needed, stratify

PURPOSE, SAME = "gate", "same"
QUEUE = "label_queue.json"
SHOWN = 32  # pairs on the sheet
UNUSED = pa.scalar(1 | 4, pa.int32())
"""Flags of pairs that no set is made from: near-duplicates, and what resembles the benchmark."""


@dataclass(frozen=True)
class Evidence:
    """Emitted pairs and what is known about them. index: labelled pairs as indices into the frame [L]; right [L] bool;
    clusters [L]: names of the labelled pairs' subjects; bands, categories [P]: of every emitted pair."""

    frame: Frame
    index: np.ndarray
    right: np.ndarray
    clusters: np.ndarray
    bands: np.ndarray
    categories: np.ndarray
    names: list[str]


def retrieval_precision(inputs: dict[str, Path], params: Recurrence) -> Gate:
    """Judges a sample of the labelled pairs inside the emitted window."""
    evidence = gather(inputs, params)
    chosen = choose(evidence.frame, np.sort(evidence.index), params.max_sample, params.seed)
    judged = np.flatnonzero(np.isin(evidence.index, chosen))
    count, right = len(judged), int(evidence.right[judged].sum())
    missing = _labels_missing(evidence, count, right, params)
    queue = _queue(inputs, evidence, missing, params.seed)
    by_subject = _bound_by_subject(evidence, judged, params)
    check = Check(
        "precision_lower_bound",
        f"the {params.confidence:.0%} lower bound of retrieval precision ({right} right of {count} labelled pairs, "
        f"taken as independent; {by_subject:.4g} with whole subjects resampled)",
        share_lower_bound(right, count, params.confidence),
        low=params.min_precision,
        next_step=_next_step(missing),
        undecided=f"{missing} more labelled pairs would decide" if missing else "",
    )
    metrics = _estimates(evidence, judged) | {
        "precision_lower_bound_by_subject": by_subject,
        "emitted_pairs": float(len(evidence.frame.similarity)),
        "labelled_pairs": float(len(evidence.index)),
        "judged_pairs": float(count),
        "labels_missing": float(missing),
    }
    plots = {
        "precision_by_band": _by_band(evidence, judged, params),
        "precision_by_category": _by_category(evidence, judged, params),
    }
    shows = Report(metrics, {name: rows for name, rows in plots.items() if rows})
    if queue:
        shows.files[QUEUE] = json.dumps(queue, indent=1) + "\n"
    if count:
        shows.figures["judged_pairs"] = _sheet(Dataset(inputs["objects"]), evidence, judged)
    return Gate("retrieval-precision", (check,), shows)


def gather(inputs: dict[str, Path], params: Recurrence) -> Evidence:
    """Joins pairs, objects and labels. A pair's anchor is its source; pairs that no set uses are left out."""
    pairs = Dataset(inputs["pairs"]).table(["src_row", "dst_row", "similarity", "flags"])
    pairs = pairs.filter(pc.equal(pc.bit_wise_and(pairs["flags"], UNUSED), 0))
    src, dst = pairs["src_row"].to_numpy(), pairs["dst_row"].to_numpy()
    similarity = pairs["similarity"].to_numpy()
    encoded = Dataset(inputs["objects"]).table(["category"])["category"].combine_chunks().dictionary_encode()
    names, codes = _sorted_codes(encoded)
    categories = codes[src]
    strata, bands = stratify(similarity, categories, params.bands)
    index, right, clusters = _judgements(Dataset(inputs["labels"]).table(), src, dst)
    return Evidence(Frame(src, dst, similarity, strata), index, right, clusters, bands, categories, names)


def _sorted_codes(encoded: pa.DictionaryArray) -> tuple[list[str], np.ndarray]:
    """Category names in alphabetical order and each object's code in it."""
    names = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(names)) if names else np.zeros(0, np.int64)
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    codes = rank[encoded.indices.to_numpy()] if names else np.zeros(0, np.int64)
    return [names[i] for i in order], codes


def _judgements(labels: pa.Table, src: np.ndarray, dst: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The labelled pairs of the window: index into the pairs, whether most raters said "same", and the cluster."""
    votes: dict[tuple[int, int], list[bool]] = {}
    cluster: dict[tuple[int, int], str] = {}
    for row in labels.to_pylist():
        if row["purpose"] == PURPOSE:
            key = (min(row["src_row"], row["dst_row"]), max(row["src_row"], row["dst_row"]))
            votes.setdefault(key, []).append(row["verdict"] == SAME)
            cluster.setdefault(key, row["cluster"])
    wanted = np.array(sorted(votes), np.int64).reshape(-1, 2)
    pair_index = _find(wanted, src, dst)
    keys = [tuple(pair) for pair in wanted[pair_index >= 0].tolist()]
    right = np.array([2 * sum(votes[key]) > len(votes[key]) for key in keys], bool)
    return pair_index[pair_index >= 0], right, np.array([cluster[key] for key in keys], str)


def _find(wanted: np.ndarray, src: np.ndarray, dst: np.ndarray) -> np.ndarray:
    """Index of each wanted pair [L, 2] among the pairs, -1 where absent [L]."""
    if not len(src) or not len(wanted):
        return np.full(len(wanted), -1)
    base = int(max(dst.max(), wanted.max())) + 1
    keys, order = src * base + dst, np.argsort(src * base + dst, kind="stable")
    sought = wanted[:, 0] * base + wanted[:, 1]
    place = np.minimum(np.searchsorted(keys, sought, sorter=order), len(keys) - 1)
    return np.where(keys[order[place]] == sought, order[place], -1)


def _labels_missing(evidence: Evidence, count: int, right: int, params: Recurrence) -> int:
    """How many more labels decide; 0 where the labels already do."""
    if share_lower_bound(right, count, params.confidence) >= params.min_precision:
        return 0
    if share_upper_bound(right, count, params.confidence) < params.min_precision:
        return 0
    needed = labels_needed(params.min_precision, params.expected_precision, params.power, params.confidence)
    return max(min(needed, params.max_sample, len(evidence.frame.similarity)) - count, 0)


def _queue(inputs: dict[str, Path], evidence: Evidence, missing: int, seed: int) -> list[dict[str, Any]]:
    """The unlabelled pairs to label next, sampled as the gate samples. Objects are named as labels name them."""
    open_ = np.ones(len(evidence.frame.similarity), bool)
    open_[evidence.index] = False
    chosen = choose(evidence.frame, np.flatnonzero(open_), missing, seed)
    src, dst = (_places(inputs, rows[chosen]) for rows in (evidence.frame.anchors, evidence.frame.partners))
    return [
        {
            "src_row": int(evidence.frame.anchors[i]),
            "dst_row": int(evidence.frame.partners[i]),
            "objects": pair,
            "similarity": round(float(evidence.frame.similarity[i]), 6),
            "category": evidence.names[evidence.categories[i]],
            "band": int(evidence.bands[i]),
        }
        for i, pair in zip(chosen, zip(src, dst, strict=True), strict=True)
    ]


def _places(inputs: dict[str, Path], rows: np.ndarray) -> list[dict[str, Any]]:
    """path, x, y, w, h (px) of some objects: the columns of a label."""
    objects = Dataset(inputs["objects"]).table(["image_id", *"xywh"]).take(pa.array(rows, pa.int64()))
    images = Dataset(inputs["images"]).table(["image_id", "uri"])
    where = pc.index_in(objects["image_id"], value_set=images["image_id"].combine_chunks())
    uris = images["uri"].take(where).to_pylist()
    boxes = objects.select([*"xywh"]).to_pylist()
    return [
        {"path": uri} | {side: round(value, 1) for side, value in box.items()}
        for uri, box in zip(uris, boxes, strict=True)
    ]


def _sheet(objects: Dataset, evidence: Evidence, judged: np.ndarray) -> Image.Image:
    """Judged pairs side by side, the wrong ones first."""
    order = judged[np.argsort(evidence.right[judged], kind="stable")][:SHOWN]
    pairs = evidence.index[order]
    table, verdicts = objects.table(blob_columns("crop")), evidence.right[order]
    anchors, partners = (
        table.take(side[pairs]).to_pylist() for side in (evidence.frame.anchors, evidence.frame.partners)
    )
    rows: list[list[Cell]] = [
        [(decode(objects.blob(anchor, "crop")), "right" if right else "wrong"), decode(objects.blob(partner, "crop"))]
        for anchor, partner, right in zip(anchors, partners, verdicts, strict=True)
    ]
    return sheet(rows, ["anchor", "retrieved"], side=96, abreast=4)


def _next_step(missing: int) -> str:
    if missing:
        return (
            f"label {missing} more pairs: in the CSV of ingest.labels give both objects of a pair their subject (path, "
            f"subject, x, y, w, h; equal subjects are one product) and run again; files/{QUEUE} of the report lists "
            "pairs to begin with; label about twice as many, as calibration.share of all labels goes to calibration"
        )
    return "narrow the window by raising its low end until precision is enough, or use a better encoder"


def _bound_by_subject(evidence: Evidence, judged: np.ndarray, params: Recurrence) -> float:
    right, subjects = evidence.right[judged].astype(float), evidence.clusters[judged]
    return cluster_lower_bound(right.tolist(), subjects.tolist(), params.confidence, params.seed)


def _estimates(evidence: Evidence, judged: np.ndarray) -> dict[str, float]:
    """Point estimates beside the bounds: plain, and weighted to what was emitted."""
    if not len(judged):
        return {}
    right = evidence.right[judged]
    strata, emitted = evidence.frame.strata[evidence.index[judged]], evidence.frame.counts
    seen = np.bincount(strata, minlength=len(emitted))
    share = np.bincount(strata, weights=right, minlength=len(emitted)) / np.maximum(seen, 1)
    covered = emitted[seen > 0].sum()
    return {
        "precision": float(right.mean()),
        "precision_weighted": float((emitted * share)[seen > 0].sum() / covered),
        "emitted_share_covered": float(covered / emitted.sum()),
        "subjects": float(len(np.unique(evidence.clusters[judged]))),
    }


def _by_band(evidence: Evidence, judged: np.ndarray, params: Recurrence) -> list[dict[str, Any]]:
    bands = evidence.bands[evidence.index[judged]]
    rows = []
    for band in np.unique(evidence.bands):
        start = float(evidence.frame.similarity[evidence.bands == band].min())
        rows.append({"similarity_from": round(start, 4)} | _counted(evidence.right[judged][bands == band], params))
    return rows


def _by_category(evidence: Evidence, judged: np.ndarray, params: Recurrence) -> list[dict[str, Any]]:
    codes = evidence.categories[evidence.index[judged]]
    rows = [(name, evidence.right[judged][codes == code]) for code, name in enumerate(evidence.names)]
    return [{"category": name} | _counted(right, params) for name, right in rows if len(right)]


def _counted(right: np.ndarray, params: Recurrence) -> dict[str, Any]:
    return {
        "precision": float(right.mean()) if len(right) else None,
        "lower_bound": share_lower_bound(int(right.sum()), len(right), params.confidence),
        "labelled": len(right),
    }
