"""Intake gate: few inputs were refused as broken, and every photograph has its digest and its licence."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from components.common.data.reading import Dataset
from components.common.data.schemas import BY_RULE, OF_LABELS
from components.common.stage.report import Report
from components.gates.checks import Check, Gate
from components.gates.params import Intake

SHA256 = "^[0-9a-f]{64}$"


def intake(inputs: dict[str, Path], params: Intake) -> Gate:
    """Measures images and quarantine. What is refused by rule does not count as broken (copies, opt-outs, takedowns),
    nor does what is not a photograph (rows of labels, other files)."""
    images = Dataset(inputs["images"]).table(["image_id", "licence"])
    refused = Dataset(inputs["quarantine"]).table(["reason"])["reason"].to_pylist()
    damaged = sum(reason not in BY_RULE | OF_LABELS for reason in refused)
    licence = _licence(images)
    return Gate(
        "intake",
        (
            Check(
                "quarantined_share",
                "the share of broken photographs",
                damaged / max(len(images) + damaged, 1),
                high=params.max_quarantined_share,
                next_step="read the reasons in the quarantine, fix or remove those inputs, or raise "
                "gates.intake.max_quarantined_share",
            ),
            Check(
                "images",
                "the number of photographs",
                len(images),
                low=params.min_images,
                next_step="name a folder that holds photographs",
            ),
            Check(
                "images_without_digest",
                "the number of photographs without a sha256",
                _count(pc.invert(pc.match_substring_regex(images["image_id"], SHA256))),
                high=0,
                next_step="delete the images dataset and run ingest again",
            ),
            *([licence] if params.require_licence else []),
        ),
        Report(
            {
                "quarantined": float(len(refused)),
                "labels_refused": float(sum(reason in OF_LABELS for reason in refused)),
                "images_without_licence": float(licence.measured),
            },
            {"quarantine_reasons": _by_reason(refused)} if refused else {},
        ),
    )


def _licence(images: pa.Table) -> Check:
    return Check(
        "images_without_licence",
        "the number of photographs without a licence",
        _count(pc.equal(pc.fill_null(images["licence"], ""), "")),
        high=0,
        next_step="add a licence column to the list of photographs, or set gates.intake.require_licence to false",
    )


def _count(mask: pa.ChunkedArray) -> int:
    return pc.sum(mask).as_py() or 0


def _by_reason(refused: list[str]) -> list[dict[str, Any]]:
    return [{"reason": reason, "inputs": count} for reason, count in sorted(Counter(refused).items())]
