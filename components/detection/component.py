"""The KFP door of detection: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def detection(
    params: str,
    shares: Input[list[Artifact]],
    images: Input[Dataset],
    objects: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Images -> objects with their crops."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.detection.stage:run",
        "components.detection.params:Params",
        "detection",
        params,
        {"images": images},
        {"objects": objects},
        report,
        metrics,
        shares,
    )


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def detection_share(
    params: str,
    share: str,
    images: Input[Dataset],
    part: Output[Artifact],
) -> None:
    """Some of the images -> their objects."""
    from components.common.stage.kubeflow import run_share

    run_share(
        "components.detection.stage:run",
        "components.detection.params:Params",
        "detection",
        params,
        share,
        {"images": images},
        "objects",
        part,
    )
