"""The KFP door of training: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_insertion(
    params: str,
    latents: Input[Dataset],
    model: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Latents -> a grid UNet that inserts an object into a scene."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.training.stage:run",
        "components.training.params:Params",
        "train_insertion",
        params,
        {"latents": latents},
        {"model": model},
        report,
        metrics,
    )


@dsl.component(base_image=image("training"), install_kfp_package=False)
def train_generation(
    params: str,
    latents: Input[Dataset],
    model: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Latents -> a grid UNet that generates an object from text."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.training.stage:run",
        "components.training.params:Params",
        "train_generation",
        params,
        {"latents": latents},
        {"model": model},
        report,
        metrics,
    )
