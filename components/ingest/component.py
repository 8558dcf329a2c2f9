"""The KFP door of ingest: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def ingest(
    params: str,
    images: Output[Dataset],
    quarantine: Output[Dataset],
    subjects: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Photographs -> images, quarantine and subjects."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.ingest.stage:run",
        "components.ingest.params:Params",
        "ingest",
        params,
        {},
        {"images": images, "quarantine": quarantine, "subjects": subjects},
        report,
        metrics,
    )
