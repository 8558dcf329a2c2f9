"""The KFP door of mining: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("mining"), install_kfp_package=False)
def mining(
    params: str,
    shares: Input[list[Artifact]],
    images: Input[Dataset],
    objects: Input[Dataset],
    embeddings: Input[Dataset],
    reserved: Input[Dataset],
    calibration: Input[Dataset],
    pairs: Output[Dataset],
    sets: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Vectors -> pairs in the window -> recurrence sets."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.mining.stage:run",
        "components.mining.params:Params",
        "mining",
        params,
        {
            "images": images,
            "objects": objects,
            "embeddings": embeddings,
            "reserved": reserved,
            "calibration": calibration,
        },
        {"pairs": pairs, "sets": sets},
        report,
        metrics,
        shares,
    )


@dsl.component(base_image=image("mining"), install_kfp_package=False)
def mining_share(
    params: str,
    share: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    embeddings: Input[Dataset],
    reserved: Input[Dataset],
    calibration: Input[Dataset],
    part: Output[Artifact],
) -> None:
    """Some tile rows of the join."""
    from components.common.stage.kubeflow import run_share

    run_share(
        "components.mining.stage:run",
        "components.mining.params:Params",
        "mining",
        params,
        share,
        {
            "images": images,
            "objects": objects,
            "embeddings": embeddings,
            "reserved": reserved,
            "calibration": calibration,
        },
        "pairs sets",
        part,
    )
