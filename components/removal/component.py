"""The KFP door of removal: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def removal(
    params: str,
    shares: Input[list[Artifact]],
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    backgrounds: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Photograph and object -> clean plate."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.removal.stage:run",
        "components.removal.params:Params",
        "removal",
        params,
        {"images": images, "objects": objects, "sets": sets},
        {"backgrounds": backgrounds},
        report,
        metrics,
        shares,
    )


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def removal_share(
    params: str,
    share: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    part: Output[Artifact],
) -> None:
    """Some of the anchors -> their clean plates."""
    from components.common.stage.kubeflow import run_share

    run_share(
        "components.removal.stage:run",
        "components.removal.params:Params",
        "removal",
        params,
        share,
        {"images": images, "objects": objects, "sets": sets},
        "backgrounds",
        part,
    )
