"""What ingest tells people: how much came in, what was refused and why, and how it looks."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from components.common.data.reading import Dataset
from components.common.data.schemas import blob_columns
from components.common.stage.report import Report
from components.common.vision.images import decode
from components.common.vision.sheets import evenly_spread, sheet
from components.ingest.labels import Labels
from components.ingest.listing import Listing

SHEET = 24
REFUSED = {
    "missing": "Names in the labels that fit no photograph",
    "ambiguous": "Names in the labels that could mean several photographs, so write more of their paths",
    "conflict": "Photographs or boxes labelled as two subjects, of which none is used",
}
"""How the report explains names and rows of the labels in the quarantine."""


def summary(outputs: Mapping[str, Path], listing: Listing, labels: Labels) -> Report:
    """Numbers, plots and a contact sheet, all from the finished datasets."""
    images = Dataset(outputs["images"])
    reasons = Counter(row["reason"] for row in Dataset(outputs["quarantine"]).rows(["reason"]))
    subjects = Counter(row["subject"] for row in Dataset(outputs["subjects"]).rows(["subject"]))
    recurring = {subject: count for subject, count in subjects.items() if subject and count > 1}
    sizes = images.rows(["width", "height", "bytes", "licence"])
    refused = sum(reasons.values())
    metrics = {
        "photographs": float(len(images)),
        "megabytes": round(sum(row["bytes"] for row in sizes) / 1e6, 3),
        "without_licence": float(sum(not row["licence"] for row in sizes)),
        "quarantined": float(refused),
        "quarantined_share": refused / max(len(images) + refused, 1),
        "passed_over": float(listing.sidecars),
        "labelled": float(sum(subjects.values())),
        "without_subject": float(sum(not row.subject for row in labels.rows)),
        "recurring_subjects": float(len(recurring)),
    }
    metrics |= {f"quarantined_{reason.replace('-', '_')}": float(n) for reason, n in sorted(reasons.items())}
    plots = {
        "quarantine": [{"reason": reason, "files": n} for reason, n in sorted(reasons.items())],
        "sides": _histogram([min(row["width"], row["height"]) for row in sizes], "shorter_side", "photographs"),
        "views": _histogram(list(recurring.values()), "photographs", "subjects"),
    }
    figures = {"photographs": _sheet(images)} if len(images) else {}
    return Report(metrics, {name: rows for name, rows in plots.items() if rows}, figures, _notes(metrics, labels))


def _histogram(values: list[int], x: str, y: str) -> list[dict[str, Any]]:
    return [{x: value, y: count} for value, count in sorted(Counter(values).items())]


def _sheet(images: Dataset) -> Image.Image:
    """Photographs spread evenly over the collection."""
    rows = images.rows(blob_columns("image"))
    picks = [rows[at] for at in evenly_spread(len(rows), SHEET)]
    return sheet([[decode(images.blob(row, "image"))] for row in picks], abreast=6)


def _notes(metrics: dict[str, float], labels: Labels) -> list[str]:
    notes = []
    if not metrics["photographs"]:
        notes.append("No photograph was accepted: the reasons are in the quarantine.")
    if metrics["passed_over"]:
        notes.append(
            f"{metrics['passed_over']:.0f} files were skipped: documents, tables, hidden files and what other "
            "programs keep next to photographs."
        )
    if not labels.rows:
        notes.append("There are no labels: precision can only be judged after people have labelled pairs.")
    elif not metrics["labelled"]:
        notes.append("No label names an accepted photograph: check the paths in the labels.")
    if metrics["without_subject"]:
        notes.append(
            f"{metrics['without_subject']:.0f} of {len(labels.rows)} label rows name no subject: each counts as a "
            "product seen nowhere else, so name it if that is wrong."
        )
    refused = Counter(reason for _, reason, _ in labels.refusals)
    notes += [
        f"{what}: {refused[reason]} (quarantined as '{reason}')." for reason, what in REFUSED.items() if refused[reason]
    ]
    if metrics["without_licence"]:
        notes.append(f"{metrics['without_licence']:.0f} photographs have no known licence.")
    return notes
