"""The sentences of ingest: which files did not come in and which labels are not used, by name."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from components.common.counts import counted
from components.common.data.names import some
from components.common.data.schemas import OF_LABELS
from components.common.vision.formats import MISSING
from components.ingest.labels import Labels
from components.ingest.listing import Listing
from components.ingest.rights.gathering import Outside

READ_AGAIN = "dvc repro --force --single-item ingest"
KINDS = 5  # kinds of passed over files that are listed
ABOUT_LABELS = {
    "missing": "Names in the labels that fit no photograph",
    "ambiguous": "Names in the labels that could mean several photographs, so write more of their paths",
    "conflict": "Photographs or boxes labelled as two subjects, of which none is used",
    "damaged": "Rows of the labels that cannot be read",
}
"""How the report explains names and rows of the labels in the quarantine; all other reasons are about files."""

UNKNOWN = frozenset(("-1", "?", "unknown", "none", "null", "nan", "n/a", "other", "misc"))
"""Words that some programs and people write for "no subject known"."""


Refused = dict[str, list[dict[str, Any]]]
"""Reason -> rows of the quarantine."""


def of_files(metrics: dict[str, float], listing: Listing, refused: Refused) -> list[str]:
    """Which files did not come in, by name."""
    notes = []
    if not metrics["photographs"]:
        notes.append("No photograph was accepted: the reasons are in the quarantine.")
    for reason, rows in refused.items():
        if reason not in OF_LABELS:
            notes += _of_refused(reason, rows)
    if any(row["detail"] == MISSING["HEIF"] for row in refused.get("unsupported", ())):
        notes.append(
            f"After installing pillow-heif, `{READ_AGAIN}` in the run's folder reads these files; then run again."
        )
    if listing.passed_over:
        kinds: dict[str, list[str]] = defaultdict(list)
        for name, why in listing.passed_over:
            kinds[why].append(name)
        most = sorted(kinds.items(), key=lambda kind: (-len(kind[1]), kind[0]))
        phrases = [f"{len(names):,} {why} ({some(names)})" for why, names in most[:KINDS]]
        phrases += [f"{sum(len(names) for _, names in most[KINDS:]):,} of other kinds"] * (len(most) > KINDS)
        notes.append(f"Passed over: {counted(len(listing.passed_over), 'file')}, {'; '.join(phrases)}.")
    return notes


def _of_refused(reason: str, rows: list[dict[str, Any]]) -> list[str]:
    """One sentence per reason, or per format that cannot be read; the first file is named with its detail."""
    kinds: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        kinds[row["detail"] if reason == "unsupported" else rows[0]["detail"]].append(row["uri"])
    return [
        f"Refused as {reason}: {counted(len(names), 'file')}, {some([f'{names[0]} ({detail})', *names[1:]])}."
        for detail, names in kinds.items()
    ]


def of_labels(
    metrics: dict[str, float],
    listing: Listing,
    labels: Labels,
    refused: Refused,
    subjects: Iterable[str],
) -> list[str]:
    """Which labels are not used, by name, and which may not mean what they say."""
    if not labels.rows:
        return ["There are no labels: only people's verdicts on pairs (`objectmate label`) can tell the precision."]
    notes = []
    if not metrics["labelled"]:
        notes.append(
            f"None of {len(labels.rows):,} label rows is about an accepted photograph. They name "
            f"{some(list(dict.fromkeys(row.path for row in labels.rows)))}, while the photographs are called "
            f"{some(listing.uris())}: correct the paths in the labels."
        )
    if metrics["without_subject"]:
        notes.append(
            f"{metrics['without_subject']:.0f} of {len(labels.rows)} label rows name no subject: each counts as a "
            "product seen nowhere else, so name it if that is wrong."
        )
    notes += [
        f"{meaning}: {len(refused[reason]):,}, {some([row['uri'] for row in refused[reason]])} "
        f"({refused[reason][0]['detail']}; quarantined as '{reason}')."
        for reason, meaning in ABOUT_LABELS.items()
        if reason in refused
    ]
    return notes + _doubtful(subjects)


def of_rights(metrics: dict[str, float], outside: Outside, refused: Refused) -> list[str]:
    """What is said about the use of photographs, and which files should have said something."""
    notes = []
    if metrics["rights_signals"]:
        notes.append(
            f"{metrics['rights_signals']:,.0f} statements about rights: training is allowed for "
            f"{metrics['training_allowed']:,.0f} photographs, unknown for {metrics['training_unknown']:,.0f}, and "
            f"{len(refused.get('opted-out', ())):,} were kept out."
        )
    if outside.idle:
        notes.append(
            f"No photograph is known to come from {some(outside.idle)}, whose captures are in crawl/: give source_url "
            "in the labels or in files beside the photographs."
        )
    return notes


def _doubtful(subjects: Iterable[str]) -> list[str]:
    """Subjects that are perhaps not what they seem."""
    spellings: dict[str, list[str]] = defaultdict(list)
    for subject in subjects:
        spellings[" ".join(subject.casefold().split())].append(subject)
    alike = [" and ".join(f"'{name}'" for name in names) for names in spellings.values() if len(names) > 1]
    unknown = [f"'{name}'" for plain in UNKNOWN & spellings.keys() for name in spellings[plain]]
    notes = []
    if alike:
        notes.append(f"Different subjects are spelled almost alike: {some(alike)}. Use one spelling for one product.")
    if unknown:
        notes.append(
            f"{some(sorted(unknown))} counts as one product: leave the subject empty where the product is not known."
        )
    return notes
