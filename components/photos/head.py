"""The head: one linear layer from the network's features to the embedding.

One part is trained by supervised contrast: it tells look-alikes apart, but knows few products, and forgets what the
backbone knows about all others. The other part keeps that: the features' whitened principal components. The card of a
trained encoder compares both parts with the whole.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from components.common.data.seeds import torch_generator
from components.common.stage.progress import track
from components.photos.recipe import HeadParams

SPREAD = 2
"""Views of a crop that components are found on: more of them hardly change the axes, and take memory."""


def make_head(features_NVD: np.ndarray, subjects: list[str], params: HeadParams, seed: int) -> np.ndarray:
    """The head's weight, float32 [trained + kept, D] (fewer if there are fewer components), both parts of equal length
    on average.

    features: unit features of N crops in V views. subjects: the product of each crop.
    """
    return joined(train_part(features_NVD, subjects, params, seed), features_NVD, params)


def joined(trained_KD: np.ndarray, features_NVD: np.ndarray, params: HeadParams) -> np.ndarray:
    """The head's weight from its trained dimensions; arguments and result as for `make_head`."""
    parts = (trained_KD, kept_part(features_NVD, params))
    plain_ND = features_NVD[:, 0]
    scaled = [part / np.linalg.norm(plain_ND @ part.T, axis=1).mean() for part in parts]
    return np.concatenate(scaled).astype(np.float32)


def kept_part(features_NVD: np.ndarray, params: HeadParams) -> np.ndarray:
    """Whitened principal components of the features, [kept, D] or all there are, blind to the mean feature.

    Whitening divides a component by its standard deviation, to which that of component `shrink` is added in squares:
    the last ones are noise. No offset is needed, so that the length of the features does not matter.
    """
    flat = features_NVD.reshape(-1, features_NVD.shape[-1])
    mean = flat.mean(0)
    _, deviations, axes = np.linalg.svd((flat - mean)[:: features_NVD.shape[1] // SPREAD], full_matrices=False)
    kept = min(params.kept, len(axes))
    floor = deviations[min(params.shrink, kept - 1)]
    whitened = axes[:kept] / np.hypot(deviations[:kept], floor)[:, None]
    return whitened - np.outer(whitened @ mean, mean) / (mean @ mean)


def train_part(features_NVD: np.ndarray, subjects: list[str], params: HeadParams, seed: int) -> np.ndarray:
    """The trained dimensions, float32 [trained, D]; arguments as for `make_head`."""
    features = torch.from_numpy(features_NVD)
    codes = torch.from_numpy(np.unique(subjects, return_inverse=True)[1].astype(np.int64))
    generator = torch_generator(seed, "head")
    head = nn.Linear(features.shape[2], params.trained, bias=False)
    nn.init.normal_(head.weight, std=features.shape[2] ** -0.5, generator=generator)
    optimiser = torch.optim.AdamW(head.parameters(), lr=params.lr, weight_decay=params.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, params.lr, total_steps=params.steps)
    ones = torch.ones(params.batch, features.shape[2])
    for _ in track(range(params.steps), "head steps"):
        crops = torch.randint(len(features), (params.batch,), generator=generator)
        views = torch.randint(features.shape[1], (params.batch,), generator=generator)
        dropout = torch.bernoulli(ones * (1 - params.drop), generator=generator) / (1 - params.drop)
        loss = contrast(head(features[crops, views] * dropout), codes[crops], params.temperature)
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
    has_partner = partner.any(1)
    return -(log_share.masked_fill(~partner, 0.0).sum(1)[has_partner] / partner.sum(1)[has_partner]).mean()
