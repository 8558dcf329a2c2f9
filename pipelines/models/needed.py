"""Which files of a repository are read on loading, and which repositories are refused: pickles, their own code."""

import json
import re
from collections.abc import Collection, Mapping
from pathlib import PurePosixPath
from typing import Any

from components.common.errors import UserError

PIPELINE = "model_index.json"
"""What makes a repository a diffusers pipeline: part -> [library, class]."""
UNWANTED_PARTS = frozenset({"safety_checker", "feature_extractor"})
"""Parts of a pipeline that filter its results; no stage loads them."""
SETTINGS = frozenset({".json", ".txt", ".model", ".jinja"})
"""Suffixes of configurations, vocabularies and templates."""
WEIGHTS = ("model", "diffusion_pytorch_model")
"""Names of weight files without `.safetensors`, in transformers and diffusers."""
SHARD = re.compile(r"(?P<stem>.+)-\d{5}-of-(?P<count>\d{5})\.safetensors")
PICKLE = re.compile(r"\.(bin|pt|pth|ckpt|pkl)$")


def parts_of(index: bytes) -> list[str]:
    """The parts (subfolders) of a pipeline, from its model_index.json, without those that no stage loads."""
    values = json.loads(index)
    named = [part for part, value in values.items() if isinstance(value, list) and value and value[0]]
    return sorted(part for part in named if part not in UNWANTED_PARTS and not part.startswith("_"))


def needed_files(model: str, names: Collection[str], parts: Collection[str] = ()) -> list[str]:
    """The files of a repository that loading reads, sorted.

    names: all its files. parts: those of a pipeline that are loaded; none: it is a single model. Raises `UserError` if
    there are no safetensors weights, such as in a repository of pickles.
    """
    needed = [PIPELINE] if parts else []
    for folder in parts or ("",):
        inside = [PurePosixPath(name).name for name in names if str(PurePosixPath(name).parent) == (folder or ".")]
        prefix = f"{folder}/" if folder else ""
        needed += [prefix + name for name in inside if PurePosixPath(name).suffix in SETTINGS and ".index." not in name]
        if "config.json" in inside:
            needed += [prefix + name for name in _weights(model, prefix, inside)]
    if not any(name.endswith(".safetensors") for name in needed):
        _refuse_without_weights(model, "", names)
    return sorted(set(needed))


def _weights(model: str, prefix: str, inside: Collection[str]) -> list[str]:
    """The safetensors of a folder that has a model's configuration: one file, or an index and its shards."""
    for stem in WEIGHTS:
        if f"{stem}.safetensors" in inside:
            return [f"{stem}.safetensors"]
        index = f"{stem}.safetensors.index.json"
        shards = [name for name in inside if (match := SHARD.fullmatch(name)) and match["stem"] == stem]
        if index in inside and shards and len(shards) == int(shards[0].split("-of-")[1][:5]):
            return [index, *shards]
    _refuse_without_weights(model, prefix, inside)
    return []


def _refuse_without_weights(model: str, prefix: str, names: Collection[str]) -> None:
    where = f"{model} ({prefix.rstrip('/')})" if prefix else model
    if pickles := sorted(name for name in names if PICKLE.search(name)):
        raise UserError(
            f"{where} has its weights only as a pickle ({prefix}{pickles[0]}), which can run any code when it is "
            "loaded: choose a model with .safetensors, or a revision that has them (owner/name@refs/pr/N of the hub's "
            "conversion)"
        )
    raise UserError(f"{where} has no weights that its configuration's class loads (.safetensors): choose another model")


def refuse_code(model: str, names: Collection[str], settings: Mapping[str, bytes]) -> None:
    """Raises `UserError` if a repository's configurations need code from the repository itself.

    settings: file -> content of its configurations.
    """
    for name, content in settings.items():
        if not name.endswith(".json"):
            continue
        try:
            values = json.loads(content)
        except ValueError:
            raise UserError(f"{name} of {model} is not valid JSON: choose another revision of the model") from None
        if code := _code(name, values if isinstance(values, dict) else {}, names):
            raise UserError(
                f"{model} needs its own code ({code}), which is never run here: choose a model of a class that "
                "transformers or diffusers have"
            )


def _code(name: str, values: dict[str, Any], names: Collection[str]) -> str:
    """Where a configuration names code in the repository; empty if it does not."""
    if "auto_map" in values:
        return f"auto_map in {name}"
    if name != PIPELINE:
        return ""
    if isinstance(values.get("_class_name"), list):
        return f"_class_name in {name}"
    named = {part: value[0] for part, value in values.items() if isinstance(value, list) and value}
    return next((f"{part}/{own}.py" for part, own in named.items() if f"{part}/{own}.py" in names), "")
