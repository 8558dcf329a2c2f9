"""The KFP door of encoding: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def encoding(
    params: str,
    tuples: Input[Dataset],
    latents: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Tuples -> latents and text embeddings."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.encoding.stage:run",
        "components.encoding.params:Params",
        "encoding",
        params,
        {"tuples": tuples},
        {"latents": latents},
        report,
        metrics,
    )
