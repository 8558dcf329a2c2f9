"""Parameters of the ingest stage."""

from typing import ClassVar

from pydantic import Field

from components.common.stage.params import StageParams

ADDRESSES = frozenset({"images", "labels"})


class Params(StageParams):
    """Defaults are this project's (the paper has none) unless a source is named."""

    execution: ClassVar[frozenset[str]] = StageParams.execution | ADDRESSES
    """Where the files lie is not part of what they are: their contents are digested instead."""

    images: str = Field(
        default="sandbox:corpus",
        min_length=1,
        description="folder of photographs, read with all its subfolders: a path, s3://bucket/prefix or sandbox:NAME",
    )
    labels: str = Field(
        default="",
        description="CSV with the columns path and subject, optionally x, y, w, h (px), duplicate_of and rights "
        "(licence, source_url, attribution or credit, collected_at, rights_signal, rights_checked_at); empty: none",
    )
    collection: str = Field(default="photographs", min_length=1, max_length=200, description="name of this collection")
    licence: str = Field(
        default="", max_length=200, description="SPDX licence of photographs whose label row names none; empty: unknown"
    )
    opt_out_signals: tuple[str, ...] = Field(
        default=("opt-out", "noai", "noimageai"),
        description="values of rights_signal, in any case, that forbid use; one such value in one row is enough "
        "(noai, noimageai: the robots meta values of DeviantArt)",
    )
    max_bytes: int = Field(default=64 << 20, ge=1 << 10, le=1 << 30, description="largest accepted file, bytes")
    max_pixels: int = Field(
        default=120_000_000,
        ge=1_000,
        le=178_956_970,
        description="largest accepted width x height, px, judged before decoding; default: fits 100-megapixel cameras; "
        "the upper end is where Pillow takes a file for a decompression bomb",
    )
    min_side: int = Field(
        default=128,
        ge=1,
        le=10_000,
        description="shortest accepted side, px; default: no smaller photograph can hold a box of 128 px "
        "(Phantom-Data, arXiv 2506.18851)",
    )
    part_rows: int = Field(default=256, ge=1, le=100_000, description="files a part (shard), at most")
    workers: int = Field(
        default=4, ge=1, le=256, description="threads that read and decode; does not change the result"
    )
