"""What ingest reports: how much came in, what was refused and why, and what it looks like."""

from collections import Counter, defaultdict
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
from components.ingest.notes import Refused, of_files, of_labels, of_rights
from components.ingest.rights.gathering import Outside
from components.ingest.rights.signals import ALLOWED, DISALLOWED, UNKNOWN

SHEET = 24


def summary(outputs: Mapping[str, Path], listing: Listing, labels: Labels, outside: Outside) -> Report:
    """Numbers, plots and a contact sheet, all from the finished datasets."""
    images = Dataset(outputs["images"])
    refused = _by_reason(Dataset(outputs["quarantine"]))
    subjects = Counter(row["subject"] for row in Dataset(outputs["subjects"]).rows(["subject"]))
    recurring = {subject: count for subject, count in subjects.items() if subject and count > 1}
    sizes = images.rows(["width", "height", "bytes", "licence", "train_ai"])
    statements = Counter(
        (row["mechanism"], row["train_ai"]) for row in Dataset(outputs["rights"]).rows(["mechanism", "train_ai"])
    )
    count = sum(map(len, refused.values()))
    metrics = {
        "photographs": float(len(images)),
        "megabytes": round(sum(row["bytes"] for row in sizes) / 1e6, 3),
        "without_licence": float(sum(not row["licence"] for row in sizes)),
        "quarantined": float(count),
        "quarantined_share": count / max(len(images) + count, 1),
        "passed_over": float(len(listing.passed_over)),
        "labelled": float(sum(subjects.values())),
        "without_subject": float(sum(not row.subject and not row.flaw for row in labels.rows)),
        "recurring_subjects": float(len(recurring)),
        "read_for_rights": float(outside.read),
        "rights_signals": float(statements.total()),
        "training_allowed": float(sum(row["train_ai"] == ALLOWED for row in sizes)),
        "training_unknown": float(sum(row["train_ai"] == UNKNOWN for row in sizes)),
    }
    metrics |= {f"quarantined_{reason.replace('-', '_')}": float(len(rows)) for reason, rows in refused.items()}
    plots = {
        "quarantine": [{"reason": reason, "files": len(rows)} for reason, rows in refused.items()],
        "rights_signals": [
            {"mechanism": name, **{word: statements[name, word] for word in (ALLOWED, DISALLOWED, UNKNOWN)}}
            for name in sorted({mechanism for mechanism, _ in statements})
        ],
        "sides": _histogram([min(row["width"], row["height"]) for row in sizes], "shorter_side", "photographs"),
        "views": _histogram(list(recurring.values()), "photographs", "subjects"),
    }
    figures = {"photographs": _sheet(images)} if len(images) else {}
    notes = [*of_files(metrics, listing, refused), *of_labels(metrics, listing, labels, refused, subjects)]
    notes += of_rights(metrics, outside, refused)
    if metrics["without_licence"]:
        notes.append(f"{metrics['without_licence']:.0f} photographs have no known licence.")
    return Report(metrics, {name: rows for name, rows in plots.items() if rows}, figures, notes)


def _by_reason(quarantine: Dataset) -> Refused:
    """The refused inputs by reason, in alphabetical order; files that were passed over are not refused."""
    refused: Refused = defaultdict(list)
    for row in quarantine.rows():
        if row["reason"] != "passed-over":
            refused[row["reason"]].append(row)
    return dict(sorted(refused.items()))


def _histogram(values: list[int], x: str, y: str) -> list[dict[str, Any]]:
    return [{x: value, y: count} for value, count in sorted(Counter(values).items())]


def _sheet(images: Dataset) -> Image.Image:
    """Photographs spread evenly over the collection."""
    rows = images.rows(blob_columns("image"))
    picks = [rows[at] for at in evenly_spread(len(rows), SHEET)]
    return sheet([[decode(images.blob(row, "image"))] for row in picks], ["photograph"], abreast=6)
