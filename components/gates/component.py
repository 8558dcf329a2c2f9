"""The KFP door of gates: thin components whose bodies call the stage in the installed package."""

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Output

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def gate_intake(
    params: str,
    images: Input[Dataset],
    quarantine: Input[Dataset],
    verdicts: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Is what came in whole and allowed?"""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.gates.stage:run",
        "components.gates.params:Intake",
        "gate_intake",
        params,
        {"images": images, "quarantine": quarantine},
        {"verdicts": verdicts},
        report,
        metrics,
    )


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def gate_vectors(
    params: str,
    images: Input[Dataset],
    objects: Input[Dataset],
    embeddings: Input[Dataset],
    verdicts: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Are objects and vectors sound?"""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.gates.stage:run",
        "components.gates.params:Vectors",
        "gate_vectors",
        params,
        {"images": images, "objects": objects, "embeddings": embeddings},
        {"verdicts": verdicts},
        report,
        metrics,
    )


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def gate_recurrence(
    params: str,
    objects: Input[Dataset],
    images: Input[Dataset],
    pairs: Input[Dataset],
    sets: Input[Dataset],
    labels: Input[Dataset],
    verdicts: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Is the retrieval precise, are the views distinct, is there enough of them?"""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.gates.stage:run",
        "components.gates.params:Recurrence",
        "gate_recurrence",
        params,
        {"objects": objects, "images": images, "pairs": pairs, "sets": sets, "labels": labels},
        {"verdicts": verdicts},
        report,
        metrics,
    )


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def gate_tuples(
    params: str,
    objects: Input[Dataset],
    embeddings: Input[Dataset],
    backgrounds: Input[Dataset],
    tuples: Input[Dataset],
    verdicts: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Is the object gone from each background, and no object or photograph on both sides of the split?"""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.gates.stage:run",
        "components.gates.params:Tuples",
        "gate_tuples",
        params,
        {"objects": objects, "embeddings": embeddings, "backgrounds": backgrounds, "tuples": tuples},
        {"verdicts": verdicts},
        report,
        metrics,
    )


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def gate_model(
    params: str,
    scores: Input[Dataset],
    verdicts: Output[Dataset],
    report: Output[Artifact],
    metrics: Output[Metrics],
) -> None:
    """Do the references help, beyond doubt?"""
    from components.common.stage.kubeflow import run_component

    run_component(
        "components.gates.stage:run",
        "components.gates.params:Model",
        "gate_model",
        params,
        {"scores": scores},
        {"verdicts": verdicts},
        report,
        metrics,
    )
