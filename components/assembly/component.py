"""The KFP door of assembly: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def assembly(
    params: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    backgrounds: Input[Dataset],
    captions: Input[Dataset],
    tuples: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Sets, clean plates and captions -> training tuples."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.assembly.stage:run",
        "components.assembly.params:Params",
        "assembly",
        params,
        {"images": images, "objects": objects, "sets": sets, "backgrounds": backgrounds, "captions": captions},
        {"tuples": tuples},
        report,
        metrics,
    )
