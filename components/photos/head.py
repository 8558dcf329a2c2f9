"""The head: one linear layer from the backbone's features to the embedding, trained by supervised contrast."""

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn.functional import normalize

from components.common.data.seeds import torch_generator
from components.common.stage.progress import track


class HeadParams(BaseModel):
    """How a head is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dim: int = Field(default=64, ge=8, le=1024, description="length of the embedding")
    steps: int = Field(default=400, ge=1, description="optimiser steps")
    batch: int = Field(default=256, ge=8, description="views per step")
    lr: float = Field(default=2e-3, gt=0, description="peak learning rate of AdamW")
    weight_decay: float = Field(default=0.01, ge=0, description="weight decay of AdamW")
    drop: float = Field(default=0.3, ge=0, lt=1, description="share of features dropped in training")
    temperature: float = Field(default=0.1, gt=0, description="of the contrast")


def train_head(features_NVD: np.ndarray, subjects: list[str], params: HeadParams, seed: int) -> np.ndarray:
    """The head's weight, float32 [dim, D].

    features: unit features of N crops in V views. subjects: the product of each crop; one without a subject ("") is a
    product of its own.
    """
    features = torch.from_numpy(features_NVD)
    codes = torch.from_numpy(_codes(subjects))
    generator = torch_generator(seed, "head")
    head = nn.Linear(features.shape[2], params.dim, bias=False)
    nn.init.normal_(head.weight, std=features.shape[2] ** -0.5, generator=generator)
    optimiser = torch.optim.AdamW(head.parameters(), lr=params.lr, weight_decay=params.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, params.lr, total_steps=params.steps)
    mask = torch.ones(params.batch, features.shape[2])
    for _ in track(range(params.steps), "head steps"):
        crops = torch.randint(len(features), (params.batch,), generator=generator)
        views = torch.randint(features.shape[1], (params.batch,), generator=generator)
        kept = torch.bernoulli(mask * (1 - params.drop), generator=generator) / (1 - params.drop)
        loss = contrast(head(features[crops, views] * kept), codes[crops], params.temperature)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return head.weight.detach().numpy()


def contrast(embedding_BK: Tensor, codes_B: Tensor, temperature: float) -> Tensor:
    """Supervised contrastive loss (Khosla et al. 2020, L_out) over the rows that have a partner in the batch."""
    unit = normalize(embedding_BK, dim=1)
    itself = torch.eye(len(unit), dtype=torch.bool)
    log_share = (unit @ unit.T / temperature).masked_fill(itself, -torch.inf).log_softmax(1)
    partner = (codes_B[:, None] == codes_B[None]) & ~itself
    asked = partner.any(1)
    return -(log_share.masked_fill(~partner, 0.0).sum(1)[asked] / partner.sum(1)[asked]).mean()


def _codes(subjects: list[str]) -> np.ndarray:
    """A number for each product, int64 [N]; unlabelled crops count as products of their own."""
    names = [subject or f"only {place}" for place, subject in enumerate(subjects)]
    return np.unique(names, return_inverse=True)[1].astype(np.int64)
