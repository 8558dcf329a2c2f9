"""The KFP door of evaluation: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("training"), install_kfp_package=False)
def evaluation(
    params: str,
    insertion: Input[Dataset],
    generation: Input[Dataset],
    scores: Output[Dataset],
    samples: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Trained models and benchmark -> scores and samples."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.evaluation.stage:run",
        "components.evaluation.params:Params",
        "evaluation",
        params,
        {"insertion": insertion, "generation": generation},
        {"scores": scores, "samples": samples},
        report,
        metrics,
    )
