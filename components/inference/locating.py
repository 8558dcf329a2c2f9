"""Where a trained model is: a dataset's folder, a version in MLflow's registry, or any folder of a grid pipeline."""

import json
from pathlib import Path
from typing import NamedTuple

from components.common.data.digests import short
from components.common.data.reading import MANIFEST, Dataset
from components.common.data.verification import refuse_damage
from components.common.diffusion import PIPELINE
from components.common.errors import StageFailed, UserError
from components.common.vision.models import locate, weights_digest
from components.inference.registry import DIGEST, REGISTRY, registered

INDEX = "model_index.json"


class Found(NamedTuple):
    """A model. pipeline: its folder. name: what it is called. digest: of its dataset, or of its weights if it has none.
    trained_on: digest of its latents, empty if unknown."""

    pipeline: Path
    name: str
    digest: str
    trained_on: str

    @property
    def label(self) -> str:
        """The name without the folders that lead there, which are private."""
        return self.name if self.name.startswith(REGISTRY) else Path(self.name).resolve().name


def find_model(reference: str) -> Found:
    """The model of a reference: a folder, `sandbox:NAME`, `models:/NAME/VERSION` or `models:/NAME@ALIAS`.

    A model that `objectmate promote` has registered was copied, so its files are hashed. Raises `UserError` if there is
    no such model, or it is not one of ours, and `StageFailed` if a registered one is not what was promoted.
    """
    digest = ""
    if reference.startswith(REGISTRY):
        name, folder, digest = registered(reference)
        if digest:
            folder = folder / DIGEST
            refuse_damage(folder)
    else:
        where, revision = locate(reference)
        if revision is not None:
            raise UserError(f"there is no model folder {reference}: name a folder, or models:/NAME/VERSION")
        name, folder = reference, Path(where)
    pipeline = _pipeline_in(folder, reference)
    if (pipeline.parent / MANIFEST).is_file():
        manifest = Dataset(pipeline.parent).manifest
        if digest not in ("", manifest.digest):
            raise StageFailed(f"{name} is tagged as model {short(digest)}, but its files are {short(manifest.digest)}")
        return Found(pipeline, name, manifest.digest, manifest.inputs.get("latents", ""))
    return Found(pipeline, name, weights_digest(str(pipeline)), "")


def _pipeline_in(folder: Path, reference: str) -> Path:
    """The folder of the pipeline: this one, a dataset's, or the only one below it, as MLflow may keep it."""
    usual = [place for place in (folder, folder / PIPELINE) if (place / INDEX).is_file()]
    pipelines = usual[:1] or sorted(path.parent for path in folder.rglob(INDEX))
    if len(pipelines) != 1:
        there = f"{len(pipelines)} models" if pipelines else f"no {INDEX}"
        raise UserError(
            f"{reference} holds {there}: name the folder of one trained model, such as data/model_insertion"
        )
    kind = _class_of(pipelines[0] / INDEX)
    if kind != "GridPipeline":
        raise UserError(f"{reference} is a {kind or 'damaged model'}, not one that this project trained (GridPipeline)")
    return pipelines[0]


def _class_of(index: Path) -> str:
    try:
        return str(json.loads(index.read_text(encoding="utf-8"))["_class_name"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""
