"""Commands that use a trained model: `insert` and `generate`."""

from pathlib import Path
from typing import Annotated

import typer

from components.common.references import CONTEXT, GUIDANCE, GUIDANCE_TEXT, STEPS

commands = typer.Typer()

References = Annotated[
    list[str] | None,
    typer.Option(
        "--reference", help="Picture of the object, one to three; FILE#xywh=x,y,w,h if the object does not fill it"
    ),
]
OutOption = Annotated[
    Path | None, typer.Option(help=".png, .jpg or .webp, with --batch a folder (default: inserted, or generated)")
]
BatchOption = Annotated[
    Path | None, typer.Option(help="CSV or .xlsx with one picture per row; docs/use.md explains its columns")
]
ModelOption = Annotated[
    str, typer.Option(help="A trained model: a folder, or models:/NAME/VERSION or models:/NAME@ALIAS of MLflow")
]
Seeds = Annotated[list[int] | None, typer.Option("--seed", help="May be repeated: a picture for each (default: 0)")]
StepsOption = Annotated[int, typer.Option(help="Sampler steps")]
Guidance = Annotated[float, typer.Option(help="Weight of the references; 1: what the model gives them")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto: a GPU if there is one")]


@commands.command()
def insert(
    scene: Annotated[Path | None, typer.Argument(help="The picture into which the object goes")] = None,
    box: Annotated[str, typer.Option(help="x,y,w,h: where it goes, px of the upright scene")] = "",
    reference: References = None,
    out: OutOption = None,
    batch: BatchOption = None,
    model: ModelOption = "data/model_insertion",
    seed: Seeds = None,
    steps: StepsOption = STEPS,
    guidance: Guidance = GUIDANCE,
    context: Annotated[
        float, typer.Option(help="Side of the square that the model sees / longer side of the box")
    ] = CONTEXT,
    margin: Annotated[
        float, typer.Option(help="Room for a shadow around the box, which may change / longer side of the box")
    ] = 0.0,
    device: Device = "auto",
) -> None:
    """Put an object into a scene: references, a scene and a box in, a picture as large as the scene out."""
    from pipelines.cli.drawing import Asked, insert_pictures

    settings = {"steps": steps, "guidance": guidance, "context": context, "margin": margin}
    insert_pictures(Asked("insertion", out, batch, model, seed or [0], settings, device), scene, box, reference or [])


@commands.command()
def generate(
    prompt: Annotated[str, typer.Argument(help="What to draw")] = "",
    reference: References = None,
    out: OutOption = None,
    batch: BatchOption = None,
    model: ModelOption = "data/model_generation",
    seed: Seeds = None,
    steps: StepsOption = STEPS,
    guidance: Guidance = GUIDANCE,
    guidance_text: Annotated[
        float, typer.Option(help="Weight of the prompt; 1: what the model gives it")
    ] = GUIDANCE_TEXT,
    device: Device = "auto",
) -> None:
    """Draw an object from a prompt: references and words in, a picture of the model's own size out."""
    from pipelines.cli.drawing import Asked, generate_pictures

    settings = {"steps": steps, "guidance": guidance, "guidance_text": guidance_text}
    generate_pictures(Asked("generation", out, batch, model, seed or [0], settings, device), prompt, reference or [])
