"""Training: latents -> the grid UNet, exported as a diffusers pipeline. One stage for both tasks of the paper.

Insertion puts the referenced object into a scene (background and mask as extra channels of the target cell);
generation draws it from a caption (cross-attention). Paper section 4: a 2x2 grid of three clean references and one
noisy target, with the loss on the target cell only.
"""

from components.common.stage.contract import Size, Stage
from components.training.params import Generation, Insertion, Params


def _training(params: type[Params], does: str) -> Stage:
    size = Size("4", "8", "24Gi", gpu=True)
    title = f"Training: {params.task}"
    return Stage(__name__, title, params, "latents -> model", "training", size, named=params.section, does=does)


INSERTION = _training(Insertion, "Latents -> a grid UNet that inserts an object into a scene.")
GENERATION = _training(Generation, "Latents -> a grid UNet that generates an object from text.")
