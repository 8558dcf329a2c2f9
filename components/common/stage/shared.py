"""Parameters that several stages share: each inherits the ones that it needs."""

from typing import Any, ClassVar, Literal

from components.common.stage.params import ModelReference, Place, StageParams, parameter

MOST_BYTES, MOST_PIXELS = 1 << 30, 178_956_970
"""The largest photograph that is ever decoded: above these pixels, Pillow suspects a decompression bomb."""
PRECISION = 0.8
"""The share of right references that calibration aims at and the precision gate demands."""
SD15 = "stable-diffusion-v1-5/stable-diffusion-v1-5@451f4fe16113bff5a5d2269ed5ad43b0592e9a14"


class OnDevice(StageParams):
    """Where tensors are computed."""

    section: ClassVar[str] = ""

    device: str = parameter(
        "auto", "auto (a GPU if there is one), cpu, cuda or cuda:N", pattern=r"^(auto|cpu|cuda(:\d+)?)$"
    )
    threads: int = parameter(
        2, "CPU threads of a network: the number changes the rounding order; mining uses all threads", ge=1, le=256
    )


class InParts(StageParams):
    """How finely a dataset is cut."""

    section: ClassVar[str] = ""

    part_rows: int = parameter(256, "rows per part (shard): the most that a killed run loses", ge=1, le=100_000)


class KeptApart(StageParams):
    """The benchmark, which is used for evaluation and therefore kept out of training."""

    section: ClassVar[str] = ""

    benchmark: Place = parameter(
        "sandbox:benchmark",
        "a folder with a COCO annotations.json, or sandbox:NAME. Mining and the leakage gate keep its objects out of "
        "training, and evaluation uses them; empty: none, for dataset runs only",
    )


class InThreads(StageParams):
    """How many threads prepare pictures."""

    section: ClassVar[str] = ""

    workers: int = parameter(4, "threads that decode, cut and encode; no effect on the result", ge=1, le=256)


class Seeded(StageParams):
    """What every random choice starts from, except in training."""

    section: ClassVar[str] = ""

    seed: int = parameter(0, "seed of splits, samples, noise and resampling; training has training.seed", ge=0)


class Crops(StageParams):
    """How an object is cropped wherever it is compared with others."""

    section: ClassVar[str] = "crops"

    crop_scale: float = parameter(1.15, "side of a crop / side of its box", ge=1, le=2)


class StoredCrops(Crops):
    """How an object is cut out of a photograph, also of one in the benchmark that is kept apart."""

    section: ClassVar[str] = "crops"

    crop_side: int = parameter(512, "longest side of a stored crop, px; larger ones are scaled down", ge=16, le=4_096)


class Framed(StageParams):
    """How every encoder that compares objects sees a crop."""

    section: ClassVar[str] = "crops"

    framing: Literal["pad", "squash"] = parameter(
        "pad",
        "how a crop becomes an encoder's square. pad: whole, with a border; squash: stretched, as in GUIE's training",
    )


class Cells(StageParams):
    """The cells of the grid."""

    section: ClassVar[str] = "crops"

    cell: int = parameter(
        256,
        "side of a grid cell, px: training squares are cut, encoded, generated and judged at this size",
        "a step at 512, Alterbute's size, costs 5.8 times as much (own count)",
        ge=16,
        le=1024,
        multiple_of=8,
    )


class NearDuplicates(StageParams):
    """When two pictures are near-duplicates."""

    section: ClassVar[str] = "duplicates"

    photo_bits: int = parameter(
        72,
        "photographs are near-duplicates if their 256-bit difference hashes (plain or mirrored) differ in at most this "
        "many bits",
        "finds DreamBooth's repeated clocks and backpacks, at 39 and 71 bits",
        ge=0,
        le=128,
    )
    crop_bits: int = parameter(36, "the same for crops", ge=0, le=128)
    moved_correlation: float = parameter(
        0.85,
        "photographs are near-duplicates if their common part, aligned (also mirrored), correlates at least this much",
        "misses 0.2 % of planted shifts and cuts by 5 to 20 %",
        ge=0.5,
        le=1,
    )


class Miner(StageParams):
    """The encoder that mines."""

    section: ClassVar[str] = "models"

    ir: ModelReference = parameter(
        "facebook/dinov2-large@47b73eefe95e8d44ec3623f8890bd894b6ea2d6c",
        "instance-retrieval encoder for mining: any transformers vision model",
        "an open substitute for the paper's GUIE encoder (arXiv 2210.08473), whose weights are not on any hub",
        min_length=1,
    )


class Judge(StageParams):
    """The encoder that judges; mining does not use it."""

    section: ClassVar[str] = "models"

    second_ir: ModelReference = parameter(
        "facebook/dinov2-base", "independent encoder that judges removal, leakage and results", min_length=1
    )


def _base(description: str) -> Any:
    return parameter(SD15, description, min_length=1)


class InsertionBase(StageParams):
    """The base model of insertion."""

    section: ClassVar[str] = "models"

    base_insertion: ModelReference = _base(
        "latent diffusion model that insertion starts from; its scheduler determines the objective"
    )


class GenerationBase(StageParams):
    """The base model of generation."""

    section: ClassVar[str] = "models"

    base_generation: ModelReference = _base(
        "latent diffusion model that generation starts from; its autoencoder and text encoder encode all tuples"
    )
