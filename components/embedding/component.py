"""The KFP door of embedding: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def embedding(
    params: str,
    shares: Input[list[Artifact]],
    objects: Input[Dataset],
    embeddings: Output[Dataset],
    reserved: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Objects -> instance-retrieval vectors."""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.embedding.stage:run",
        "components.embedding.params:Params",
        "embedding",
        params,
        {"objects": objects},
        {"embeddings": embeddings, "reserved": reserved},
        report,
        metrics,
        shares,
    )


@dsl.component(base_image=image("vision"), install_kfp_package=False)
def embedding_share(
    params: str,
    share: str,
    objects: Input[Dataset],
    part: Output[Artifact],
) -> None:
    """Some of the objects -> their vectors."""
    from components.common.stage.kubeflow import run_share

    run_share(
        "components.embedding.stage:run",
        "components.embedding.params:Params",
        "embedding",
        params,
        share,
        {"objects": objects},
        "embeddings reserved",
        part,
    )
