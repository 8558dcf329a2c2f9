"""`objectmate photos train`: labelled runs in; out comes a model folder, measured on subjects that it has not seen."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from components.common.errors import UserError
from components.common.vision.lite import HEAD, PROVIDED, model_folder, provided_backbone
from components.photos.card import card
from components.photos.folds import Figures, by_folds
from components.photos.head import HeadParams, make_head
from components.photos.labelled import Crop, labelled_crops
from components.photos.views import embedding, features


class Recipe(NamedTuple):
    """What makes a head. views: how often each crop is seen, augmented (the first two are plain)."""

    head: HeadParams = HeadParams()
    views: int = 8
    seed: int = 0
    device: str = "cpu"


def train_photos(runs: Sequence[Path], output: Path, recipe: Recipe) -> dict[str, list[Figures]]:
    """Measures the recipe by folds over subjects, trains a head on all crops and writes the model folder `output`.

    Returns, for each run, the figures of its folds. Raises `UserError` if `output` exists, a run has no labelled
    objects, or the backbone's package is not installed.
    """
    if output.exists():
        raise UserError(f"{output} exists: name another folder, or remove it")
    crops = labelled_crops(runs)
    seen = features(provided_backbone("ir"), crops, recipe.views, recipe.seed, recipe.device)
    measured = by_folds(crops, _trainer(crops, seen, recipe), recipe.seed)
    head = head_tensors(make_head(seen, [crop.subject for crop in crops], recipe.head, recipe.seed))
    model_folder(output, PROVIDED["ir"], head)
    save_file(head, output / HEAD)
    (output / "README.md").write_text(card(crops, measured, recipe.head, recipe.seed), encoding="utf-8")
    return measured


def head_tensors(weight_KD: np.ndarray) -> dict[str, Tensor]:
    """The head as the last layer of transformers' `EfficientNetForImageClassification`."""
    return {"classifier.weight": torch.from_numpy(weight_KD), "classifier.bias": torch.zeros(len(weight_KD))}


def _trainer(
    crops: Sequence[Crop], seen_NVD: np.ndarray, recipe: Recipe
) -> Callable[[np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    def train(places: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        weight = make_head(
            seen_NVD[places], [crops[place].subject for place in places.tolist()], recipe.head, recipe.seed
        )
        return lambda held: embedding(seen_NVD[held], weight)

    return train
