"""Parameters of the ingest stage."""

from typing import ClassVar, Literal

from components.common.stage.params import Place, StageParams, parameter
from components.common.stage.shared import MOST_BYTES, MOST_PIXELS, InParts, InThreads

DENIED = "denied.parquet"
"""The deny list of all runs of a folder, unless one names another."""


class Params(InParts, InThreads):
    """Which photographs come in, and which are refused."""

    section: ClassVar[str] = "ingest"
    execution = StageParams.execution | {"denied"}

    images: Place = parameter(
        "sandbox:corpus",
        "folder of photographs, read with all its subfolders: a path, s3://bucket/prefix or sandbox:NAME",
        min_length=1,
    )
    labels: Place = parameter(
        "",
        "CSV or .xlsx with the columns path and subject, optionally x, y, w, h (px), category, duplicate_of and rights "
        "(licence, source_url, attribution or credit, collected_at, rights_signal, rights_checked_at); empty: none",
    )
    collection: str = parameter("photographs", "name of this collection", min_length=1, max_length=200)
    licence: str = parameter(
        "", "SPDX licence of photographs for which the labels name none; empty: unknown", max_length=200
    )
    opt_out_signals: tuple[str, ...] = parameter(
        ("opt-out", "noai", "noimageai", "noml"),
        "values of rights_signal, in labels or beside photographs, in any case, that forbid use; one is enough",
        "beside opt-out, the robots meta values that img2dataset knows",
    )
    use: Literal["allowed", "allowed-or-unknown"] = parameter(
        "allowed-or-unknown",
        "photographs that may be used. allowed: those for which a rights signal allows training; allowed-or-unknown: "
        "also those for which no signal says anything about it. A signal that forbids training always excludes",
    )
    denied: Place = parameter(
        DENIED,
        "deny list that `objectmate takedown` writes, a path or an s3:// address; without the file, nothing is denied",
    )
    max_bytes: int = parameter(64 << 20, "largest accepted file, bytes", ge=1 << 10, le=MOST_BYTES)
    max_pixels: int = parameter(
        120_000_000,
        f"largest accepted width x height, px, checked before decoding; Pillow refuses above {MOST_PIXELS:,}",
        "fits 100-megapixel cameras",
        ge=1_000,
        le=MOST_PIXELS,
    )
    min_side: int = parameter(
        128,
        "shortest accepted side, px",
        "no smaller photograph can hold a box of 128 px, Phantom-Data's least (arXiv 2506.18851)",
        ge=1,
        le=10_000,
    )
