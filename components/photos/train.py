"""`objectmate photos train`: from labelled runs to a model folder, with figures on unseen subjects."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from components.common.errors import UserError
from components.common.harmless import say
from components.common.vision.lite import HEAD, PROVIDED, model_folder, provided_backbone, read_backbone
from components.photos.card import card
from components.photos.folds import Learnt, Measured, by_folds
from components.photos.head import joined, make_head, train_part
from components.photos.labelled import Crop, labelled_crops
from components.photos.recipe import Recipe
from components.photos.tail import Tail, tail_features, tuned
from components.photos.views import seen


def train_photos(runs: Sequence[Path], output: Path, recipe: Recipe) -> Measured:
    """Measures the recipe by folds over subjects, trains on all crops and writes the model folder `output`.

    Returns the figures of each run's folds, for the whole encoder, for the two parts of its head alone and, if the tail
    is tuned, for a head without that. Raises `UserError` if `output` exists, a run has no labelled objects, or the
    backbone's package is not installed.
    """
    if output.exists():
        raise UserError(f"{output} exists: name another folder, or remove it")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output.parent} cannot be made ({error.strerror}): name another --output") from None
    crops = labelled_crops(runs)
    training = Training(crops, recipe)
    measured = by_folds(crops, training.parts, recipe.seed)
    say(f"all {len(crops)} objects", err=True)
    whole = training.learn(np.arange(len(crops)))
    _publish(output, whole, card(crops, measured, recipe, len(whole.learnt.weight_KD)))
    return measured


class Trained(NamedTuple):
    """An encoder. tail: the tensors that replace the backbone's, by the names of `EfficientNetModel`. untuned:
    the same with the backbone as it was published."""

    learnt: Learnt
    tail: Mapping[str, Tensor]
    untuned: Learnt


class Training:
    """Trains on some of the crops: a head, then the tail together with it, then a new head on the tuned features."""

    def __init__(self, crops: Sequence[Crop], recipe: Recipe):
        self.recipe = recipe
        self.subjects = [crop.subject for crop in crops]
        self.tensors = read_backbone(PROVIDED["ir"])
        self.seen = seen(provided_backbone("ir"), crops, recipe)

    def learn(self, places: np.ndarray) -> Trained:
        """The encoder trained on the crops at these positions, with its features of all crops."""
        recipe, features_NVD = self.recipe, self.seen.features_NVD
        subjects = [self.subjects[place] for place in places.tolist()]
        trained_KD = train_part(features_NVD[places], subjects, recipe.head, recipe.seed)
        untuned = Learnt(features_NVD, joined(trained_KD, features_NVD[places], recipe.head))
        if not recipe.tail.steps:
            return Trained(untuned, {}, untuned)
        inside_NVCHW = self.seen.inside_NVCHW
        tail = tuned(self.tensors, trained_KD, inside_NVCHW[places], subjects, recipe)
        tuned_NVD = tail_features(Tail(self.tensors | tail), inside_NVCHW, recipe.tail.batch)
        weight_KD = make_head(tuned_NVD[places], subjects, recipe.head, recipe.seed)
        return Trained(Learnt(tuned_NVD, weight_KD), tail, untuned)

    def parts(self, places: np.ndarray) -> dict[str, Learnt]:
        """The encoders to compare, by name, trained on the crops at these positions."""
        (features_NVD, weight_KD), tail, untuned = self.learn(places)
        trained = self.recipe.head.trained
        parts = {
            "all of it": Learnt(features_NVD, weight_KD),
            "trained part alone": Learnt(features_NVD, weight_KD[:trained]),
            "kept part alone": Learnt(features_NVD, weight_KD[trained:]),
        }
        return parts | ({"without tuning": untuned} if tail else {})


def _publish(output: Path, trained: Trained, text: str) -> None:
    """Writes the folder next to its final place and moves it there, so that it is whole or absent."""
    weight = torch.from_numpy(trained.learnt.weight_KD)
    head = {"classifier.weight": weight, "classifier.bias": torch.zeros(len(weight))}
    head |= {f"efficientnet.{name}": tensor for name, tensor in trained.tail.items()}
    with tempfile.TemporaryDirectory(dir=output.parent) as temporary:
        folder = Path(temporary) / "model"
        model_folder(folder, PROVIDED["ir"], head)
        save_file(head, folder / HEAD)
        (folder / "README.md").write_text(text, encoding="utf-8")
        folder.rename(output)
