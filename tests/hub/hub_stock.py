"""Repositories in the layouts of the hub, with a few bytes for each file: enough to lock and fetch, not to load."""

import json

from hub_server import Hub

from pipelines.models.declared import declared
from pipelines.parameters import resolve
from pipelines.steps import STEPS

CONFIG = b'{"architectures": ["Model"]}'
SINGLE = {
    "README.md": b"A model.",
    "config.json": CONFIG,
    "preprocessor_config.json": b"{}",
    "model.safetensors": b"weights" * 100,
    "pytorch_model.bin": b"a pickle",
    "flax_model.msgpack": b"of another framework",
    "runs/log.txt": b"of the training",
}
"""A repository of transformers."""
PARTS = {
    "scheduler": {"scheduler_config.json": b"{}"},
    "tokenizer": {"vocab.json": b"{}", "merges.txt": b"#version: 0.2"},
    "text_encoder": {"config.json": CONFIG, "model.safetensors": b"text", "model.fp16.safetensors": b"te"},
    "unet": {"config.json": CONFIG, "diffusion_pytorch_model.safetensors": b"unet" * 9, "README.txt": b"?"},
    "vae": {"config.json": CONFIG, "diffusion_pytorch_model.safetensors": b"vae"},
    "safety_checker": {"config.json": CONFIG, "pytorch_model.bin": b"a pickle"},
    "vae_onnx": {"config.json": CONFIG, "model.onnx": b"of another framework"},
}
INDEX = {part: ["diffusers", "Class"] for part in PARTS if part != "vae_onnx"} | {"image_encoder": [None, None]}
PIPELINE = {f"{part}/{name}": content for part, files in PARTS.items() for name, content in files.items()} | {
    "model_index.json": json.dumps({"_class_name": "Pipeline", **INDEX}).encode(),
    "v1-5-pruned.safetensors": b"all in one file",
}
"""A repository of diffusers."""
UNET = {"config.json": CONFIG, "diffusion_pytorch_model.safetensors": b"another unet"}


def stock(hub: Hub) -> None:
    """Adds every hub model of the profile `open`, at the commit that it names, if it names one."""
    for reference, use in declared(resolve("open"), [*STEPS.values()]).items():
        files = PIPELINE if any("base_" in key or key.endswith("remover") for key in use.keys) else SINGLE
        hub.add(reference, UNET if "models.remover_unet" in use.keys else files)
