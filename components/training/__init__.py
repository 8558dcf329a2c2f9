"""Training: latents in; the grid UNet, exported as a diffusers pipeline, out. One stage for both tasks of the paper.

Insertion puts the referenced object into a scene (background and mask as further channels of the target cell);
generation draws it from a caption (cross-attention). Paper section 4: a 2x2 grid of three clean references and one
noisy target, the loss on the target cell only.
"""

from components.common.stage.contract import Size, Stage
from components.training.params import Generation, Insertion

SIZE = Size("4", "8", "24Gi", gpu=True)
INSERTION = Stage(
    name="train_insertion",
    room=__name__,
    title="Training: insertion",
    about="Latents -> a grid UNet that inserts an object into a scene.",
    params=Insertion,
    takes="latents",
    makes="model",
    family="training",
    size=SIZE,
)
GENERATION = Stage(
    name="train_generation",
    room=__name__,
    title="Training: generation",
    about="Latents -> a grid UNet that generates an object from text.",
    params=Generation,
    takes="latents",
    makes="model",
    family="training",
    size=SIZE,
)
