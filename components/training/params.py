"""Parameters of training. Lengths are counted in images, so that they do not depend on the batch."""

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from components.common.stage.params import StageParams, parameter
from components.common.stage.shared import GenerationBase, InsertionBase, OnDevice

ALTERBUTE = "Alterbute (arXiv 2601.10714)"
SYNCD = "SynCD"
DIFFUSERS = "diffusers' training scripts"


class Length(StageParams):
    """How long a task is trained; each task has its own length."""

    images: int = parameter(12_800_000, "training length, images", ALTERBUTE, ge=1)


class Params(Length, OnDevice):
    """How the grid UNet is trained, for either task."""

    section: ClassVar[str] = "training"
    execution = StageParams.execution | {"checkpoint_every", "nodes", "processes"}
    task: ClassVar[Literal["insertion", "generation"]]
    """Put the object into a scene, or draw it from a caption."""

    seed: int = parameter(0, "seed of sample order, noise, timesteps and dropout", ge=0)
    batch: int = parameter(128, "images per optimiser step, over all devices", ALTERBUTE, ge=1, le=4096)
    accumulate: int = parameter(1, "forward passes per optimiser step: saves memory", ge=1, le=256)
    lr: float = parameter(1e-5, "peak learning rate of AdamW", ALTERBUTE, gt=0, le=0.1)
    warmup: float = parameter(0.005, "share of the images during linear warm-up", "500 steps of 100,000", ge=0, le=1)
    decay: Literal["none", "cosine"] = parameter("none", "learning rate after the warm-up")
    weight_decay: float = parameter(0.01, "weight decay of AdamW", DIFFUSERS, ge=0, le=1)
    clip: float = parameter(1.0, "largest gradient norm", DIFFUSERS, gt=0, le=100)
    ema: float = parameter(0.9999, "cap of the weight average's decay (1 + n) / (10 + n)", ge=0, lt=1)

    outside_weight: float = parameter(
        1.0, "loss weight of target latents outside the mask; inside it is 1", "paper", ge=0, le=1
    )
    min_snr: float | None = parameter(
        5.0, "min-SNR gamma of epsilon and v objectives; null: unweighted", "Hang et al. 2023", gt=0
    )
    drop_refs: float = parameter(0.05, "share of samples without references", SYNCD, ge=0, le=1)
    drop_text: float = parameter(0.05, "share of samples without a caption", SYNCD, ge=0, le=1)
    drop_both: float = parameter(0.05, "share of samples with neither", SYNCD, ge=0, le=1)
    fewer_refs: float = parameter(0.3, "share of samples with one or two references, which are repeated", ge=0, le=1)

    precision: Literal["fp32", "bf16"] = parameter("bf16", "precision of the forward and backward pass")
    export: Literal["fp32", "fp16"] = parameter("fp16", "precision of the exported weights")
    nodes: int = parameter(1, "machines; more than one: a TrainJob in a cluster", ge=1, le=64)
    processes: int = parameter(1, "training processes per node, one per GPU; they share the batch", ge=1, le=64)
    workers: int = parameter(0, "loader processes of each training process", ge=0, le=64)
    checkpoint_every: int = parameter(128_000, "images between checkpoints: the most that a kill loses", ge=1)

    validation_tuples: int = parameter(64, "held-out tuples for the reference gap", ge=0, le=4096)
    sampling_steps: int = parameter(20, "sampler steps in validation", ge=1, le=1000)

    def identity(self) -> dict[str, Any]:
        """Includes the number of training processes if there are several.

        They see the same samples in the same steps as one process, but sum gradients in another order: weights differ
        in the last digits, as with another `accumulate`. The distribution of processes over nodes does not matter.
        """
        return super().identity() | ({"processes": self.world} if self.world > 1 else {})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.batch % self.accumulate:
            raise ValueError(f"batch {self.batch} must be a multiple of accumulate {self.accumulate}")
        if self.batch % (self.accumulate * self.world):
            raise ValueError(
                f"batch {self.batch} must be a multiple of accumulate {self.accumulate} x nodes {self.nodes} x "
                f"processes {self.processes}: each process takes an equal share"
            )
        if self.images % self.batch:
            raise ValueError(f"images {self.images} must be a multiple of batch {self.batch}")
        if self.nodes > 1 and self.device == "auto":
            raise ValueError(
                "nodes above 1 need device = cpu or cuda, since they may differ from the machine that starts them"
            )
        if self.drop_refs + self.drop_text + self.drop_both > 1:
            raise ValueError("drop_refs + drop_text + drop_both must not be above 1: they share one draw")
        return self

    @property
    def base(self) -> str:
        """The model to start from."""
        return getattr(self, f"base_{self.task}")

    @property
    def world(self) -> int:
        """Training processes on all nodes."""
        return self.nodes * self.processes

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return self.images // self.batch

    @property
    def warmup_images(self) -> float:
        """Number of images during warm-up."""
        return self.warmup * self.images


class Insertion(Params, InsertionBase):
    """Training for object insertion."""

    section: ClassVar[str] = "train_insertion"
    task = "insertion"


class Generation(Params, GenerationBase):
    """Training for subject-driven generation."""

    section: ClassVar[str] = "train_generation"
    task = "generation"
