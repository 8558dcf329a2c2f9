"""The KFP door of captioning: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def captioning(
    params: str,
    shares: Input[list[Artifact]],
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    captions: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Object in its photograph -> caption."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.captioning.stage:run",
        "components.captioning.params:Params",
        "captioning",
        params,
        {"images": images, "objects": objects, "sets": sets},
        {"captions": captions},
        report,
        metrics,
        shares,
    )


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def captioning_share(
    params: str,
    share: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    part: Output[Artifact],
) -> None:
    """Some of the anchors -> their captions."""
    from components.common.stage.kubeflow import run_share

    run_share(
        "components.captioning.stage:run",
        "components.captioning.params:Params",
        "captioning",
        params,
        share,
        {"images": images, "objects": objects, "sets": sets},
        "captions",
        part,
    )
