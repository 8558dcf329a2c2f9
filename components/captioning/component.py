"""The KFP door of captioning: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.containers import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def captioning(
    params: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    captions: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Object in its photograph -> caption."""
    from components.common.containers import run_component

    run_component(
        "components.captioning.stage:run",
        "components.captioning.params:Params",
        "captioning",
        params,
        {"images": images, "objects": objects, "sets": sets},
        {"captions": captions},
        report,
        metrics,
    )
