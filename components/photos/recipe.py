"""The recipe of an encoder for photographs: the settings of its head, of its tail and of their training views."""

from pydantic import BaseModel, ConfigDict, Field


class HeadParams(BaseModel):
    """How a head is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trained: int = Field(default=64, ge=8, le=1024, description="trained dimensions")
    kept: int = Field(default=128, ge=8, le=1024, description="principal components of the features")
    shrink: int = Field(default=20, ge=0, description="components after this one are whitened less and less")
    steps: int = Field(default=400, ge=1, description="optimiser steps")
    batch: int = Field(default=256, ge=8, description="views per step")
    lr: float = Field(default=2e-3, gt=0, description="peak learning rate of AdamW")
    weight_decay: float = Field(default=0.01, ge=0, description="weight decay of AdamW")
    drop: float = Field(default=0.1, ge=0, lt=1, description="share of features dropped in training")
    temperature: float = Field(default=0.1, gt=0, description="of the contrast")


class TailParams(BaseModel):
    """How the network's last blocks are tuned, together with the trained dimensions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: int = Field(default=60, ge=0, description="optimiser steps; 0 leaves the network as it was published")
    batch: int = Field(default=64, ge=8, description="views per step")
    lr: float = Field(default=5e-5, gt=0, description="peak learning rate of AdamW for the network")
    head_lr: float = Field(default=1e-3, gt=0, description="peak learning rate of AdamW for the trained dimensions")
    warm: int = Field(default=10, ge=1, description="steps until the peak; from there it falls to 0")


class Recipe(BaseModel):
    """All settings of an encoder's training."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    head: HeadParams = HeadParams()
    tail: TailParams = TailParams()
    views: int = Field(default=8, ge=2, description="how often each crop is seen; the first two are plain")
    seed: int = Field(default=0, ge=0, description="of views, folds and training")
    device: str = Field(default="cpu", description="where features are computed")
