"""Intake gate: of what was handed in, little was refused, and every photograph has its digest and its licence."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

from components.common.datasets import Dataset
from components.common.report import Report
from components.gates.checks import Check, Gate
from components.gates.params import Intake

SHA256 = re.compile(r"[0-9a-f]{64}")


def intake(inputs: dict[str, Path], params: Intake) -> Gate:
    """Measures images and quarantine. Only inputs refused by the ingest stage count."""
    images = Dataset(inputs["images"]).rows(["image_id", "licence"])
    refused = [row["reason"] for row in Dataset(inputs["quarantine"]).rows(["reason"])]
    total = len(images) + len(refused)
    licence = (_licence(images),) if params.require_licence else ()
    return Gate(
        "intake",
        (
            Check(
                "quarantined_share",
                "the share of inputs in the quarantine",
                len(refused) / max(total, 1),
                high=params.max_quarantined_share,
                next_step="read the reasons in the quarantine, mend or remove those inputs, or raise "
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
                sum(not SHA256.fullmatch(row["image_id"]) for row in images),
                high=0,
                next_step="delete the images dataset and run ingest again",
            ),
            *licence,
        ),
        Report(plots={"quarantine_reasons": _by_reason(refused)}),
    )


def _licence(images: list[dict[str, Any]]) -> Check:
    return Check(
        "images_without_licence",
        "the number of photographs without a licence",
        sum(not row["licence"] for row in images),
        high=0,
        next_step="add a licence column to the list of photographs, or set gates.intake.require_licence to false",
    )


def _by_reason(refused: list[str]) -> list[dict[str, Any]]:
    return [{"reason": reason, "inputs": count} for reason, count in sorted(Counter(refused).items())]
