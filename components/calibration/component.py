"""The KFP door of calibration: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("mining"), install_kfp_package=False)
def calibration(
    params: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    embeddings: Input[Dataset],
    subjects: Input[Dataset],
    calibration: Output[Dataset],
    labels: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Labelled pairs -> the similarity window, and the labels that judge it."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.calibration.stage:run",
        "components.calibration.params:Params",
        "calibration",
        params,
        {"images": images, "objects": objects, "embeddings": embeddings, "subjects": subjects},
        {"calibration": calibration, "labels": labels},
        report,
        metrics,
    )
