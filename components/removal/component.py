"""The KFP door of removal: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.containers import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def removal(
    params: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    sets: Input[Dataset],
    backgrounds: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Photograph and object -> clean plate."""
    from components.common.containers import run_component

    run_component(
        "components.removal.stage:run",
        "components.removal.params:Params",
        "removal",
        params,
        {"images": images, "objects": objects, "sets": sets},
        {"backgrounds": backgrounds},
        report,
        metrics,
    )
