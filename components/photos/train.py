"""`objectmate photos train`: labelled runs in; out comes a model folder, measured on subjects that it has not seen."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from components.common.errors import UserError
from components.common.vision.lite import HEAD, PROVIDED, model_folder, provided_backbone
from components.photos.card import card
from components.photos.folds import Measured, by_folds
from components.photos.head import Recipe, make_head
from components.photos.labelled import labelled_crops
from components.photos.views import features


def train_photos(runs: Sequence[Path], output: Path, recipe: Recipe) -> Measured:
    """Measures the recipe by folds over subjects, trains a head on all crops and writes the model folder `output`.

    Returns the figures of each run's folds, for the whole head and for its two parts alone. Raises `UserError` if
    `output` exists, a run has no labelled objects, or the backbone's package is not installed.
    """
    if output.exists():
        raise UserError(f"{output} exists: name another folder, or remove it")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output.parent} cannot be made ({error.strerror}): name another --output") from None
    crops = labelled_crops(runs)
    seen = features(provided_backbone("ir"), crops, recipe.views, recipe.seed, recipe.device)

    def train(places: np.ndarray) -> np.ndarray:
        subjects = [crops[place].subject for place in places.tolist()]
        return make_head(seen[places], subjects, recipe.head, recipe.seed)

    trained = recipe.head.trained
    parts = {"whole head": slice(None), "trained part alone": slice(trained), "kept part alone": slice(trained, None)}
    measured = by_folds(crops, seen, train, parts, recipe.seed)
    weight = train(np.arange(len(crops)))
    _publish(output, weight, card(crops, measured, recipe, weight.shape[0]))
    return measured


def _publish(output: Path, weight_KD: np.ndarray, text: str) -> None:
    """Writes the folder beside its place and moves it there, so that it is whole or absent."""
    head = {"classifier.weight": torch.from_numpy(weight_KD), "classifier.bias": torch.zeros(len(weight_KD))}
    with tempfile.TemporaryDirectory(dir=output.parent) as beside:
        made = Path(beside) / "model"
        model_folder(made, PROVIDED["ir"], head)
        save_file(head, made / HEAD)
        (made / "README.md").write_text(text, encoding="utf-8")
        made.rename(output)
