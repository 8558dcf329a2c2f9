"""Parameters of training. Lengths are counted in images, so that they do not depend on the batch."""

from typing import Any, Literal

from pydantic import Field, model_validator

from components.common.stage.params import StageParams


class Params(StageParams):
    """How the grid UNet is trained. "Alterbute" is arXiv 2601.10714, a sibling paper with full hyper-parameters."""

    execution = StageParams.execution | {"checkpoint_every", "nodes", "processes"}

    task: Literal["insertion", "generation"] = Field(
        default="insertion", description="put the object into a scene, or draw it from a caption"
    )
    base: str = Field(
        default="stable-diffusion-v1-5/stable-diffusion-v1-5",
        description="model to start from: sandbox:NAME, a folder or a hub id. Its scheduler decides the objective",
    )
    revision: str | None = Field(
        default="451f4fe16113bff5a5d2269ed5ad43b0592e9a14", description="pinned commit of a hub id"
    )
    seed: int = Field(default=0, ge=0, description="of sample order, noise, timesteps and dropout")

    images: int = Field(default=12_800_000, ge=1, description="training length, images (Alterbute: 100 k steps x 128)")
    batch: int = Field(default=128, ge=1, le=4096, description="images an optimiser step, all devices (Alterbute)")
    accumulate: int = Field(default=1, ge=1, le=256, description="forward passes an optimiser step: saves memory")
    lr: float = Field(default=1e-5, gt=0, le=0.1, description="peak learning rate of AdamW (Alterbute)")
    warmup: int = Field(default=64_000, ge=0, description="images of linear warm-up (500 steps, ours)")
    decay: Literal["none", "cosine"] = Field(default="none", description="learning rate after the warm-up (ours)")
    weight_decay: float = Field(default=0.01, ge=0, le=1, description="of AdamW (diffusers' training scripts)")
    clip: float = Field(default=1.0, gt=0, le=100, description="largest gradient norm (diffusers' training scripts)")
    ema: float = Field(
        default=0.9999, ge=0, lt=1, description="cap of the weight average's decay (1 + n) / (10 + n) (ours)"
    )

    outside_weight: float = Field(
        default=1.0, ge=0, le=1, description="loss weight of target latents outside the mask; inside it is 1 (paper: 1)"
    )
    min_snr: float | None = Field(
        default=5.0, gt=0, description="min-SNR gamma of epsilon and v objectives (Hang et al. 2023); null: unweighted"
    )
    drop_refs: float = Field(default=0.05, ge=0, le=1, description="share of samples without references (SynCD)")
    drop_text: float = Field(default=0.05, ge=0, le=1, description="share of samples without caption (SynCD)")
    drop_both: float = Field(default=0.05, ge=0, le=1, description="share of samples with neither (SynCD)")
    fewer_refs: float = Field(
        default=0.3, ge=0, le=1, description="share of samples with one or two references, kept views repeated (ours)"
    )

    precision: Literal["fp32", "bf16"] = Field(default="bf16", description="of the forward and backward pass")
    export: Literal["fp32", "fp16"] = Field(default="fp16", description="of the exported weights")
    device: Literal["cpu", "cuda"] = Field(default="cpu", description="where to train")
    nodes: int = Field(default=1, ge=1, le=64, description="machines; above one, a TrainJob in a cluster")
    processes: int = Field(default=1, ge=1, le=64, description="training processes a node, one a GPU; batch is shared")
    workers: int = Field(default=0, ge=0, le=64, description="loader processes, of each training process")
    checkpoint_every: int = Field(default=128_000, ge=1, description="images between checkpoints: what a kill loses")

    validation_tuples: int = Field(default=64, ge=0, le=4096, description="held-out tuples for the reference gap")
    sampling_steps: int = Field(default=20, ge=1, le=1000, description="sampler steps in validation")

    def models(self) -> dict[str, str]:
        return {"base": "revision"}

    def identity(self) -> dict[str, Any]:
        """With the number of training processes where they are several.

        They see the same samples in the same steps as one would, but sum gradients in another order: weights differ in
        the last digits, as with another `accumulate`. How the processes are spread over nodes decides nothing.
        """
        return super().identity() | ({"processes": self.world} if self.world > 1 else {})

    @model_validator(mode="after")
    def _consistent(self) -> "Params":
        if self.batch % self.accumulate:
            raise ValueError(f"batch {self.batch} must be a multiple of accumulate {self.accumulate}")
        if self.batch % (self.accumulate * self.world):
            raise ValueError(
                f"batch {self.batch} must be a multiple of accumulate {self.accumulate} x nodes {self.nodes} x "
                f"processes {self.processes}: each process takes an equal share"
            )
        if self.images % self.batch:
            raise ValueError(f"images {self.images} must be a multiple of batch {self.batch}")
        if self.drop_refs + self.drop_text + self.drop_both > 1:
            raise ValueError("drop_refs + drop_text + drop_both must not be above 1: they share one draw")
        if self.warmup > self.images:
            raise ValueError(f"warmup {self.warmup} must not be above images {self.images}")
        return self

    @property
    def world(self) -> int:
        """Training processes on all nodes."""
        return self.nodes * self.processes

    @property
    def steps(self) -> int:
        """Optimiser steps."""
        return self.images // self.batch
