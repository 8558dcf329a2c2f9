"""The tasks that a takedown on a cluster adds to the dataset pipeline, as KFP components."""

from kfp import dsl

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("runner"), install_kfp_package=False)
def purge_outputs(
    ingest: str, outputs: list, quarantine: dsl.Input[dsl.Dataset], purged: dsl.Output[dsl.Artifact]
) -> None:
    """Deletes what earlier runs made from photographs on the deny list."""
    from pathlib import Path

    from pipelines.takedown.on_cluster import purge

    purge(ingest, outputs, Path(quarantine.path), Path(purged.path))


@dsl.component(base_image=image("runner"), install_kfp_package=False)
def write_receipt(
    outputs: list,
    purged: dsl.Input[dsl.Artifact],
    gate_intake: dsl.Input[dsl.Dataset],
    gate_vectors: dsl.Input[dsl.Dataset],
    gate_recurrence: dsl.Input[dsl.Dataset],
    gate_tuples: dsl.Input[dsl.Dataset],
    receipt: dsl.Output[dsl.Artifact],
) -> None:
    """Searches for what should be gone, and writes the receipt."""
    from pathlib import Path

    from pipelines.takedown.on_cluster import conclude

    verdicts = [Path(gate.path) for gate in (gate_intake, gate_vectors, gate_recurrence, gate_tuples)]
    receipt.metadata |= conclude(outputs, Path(purged.path), verdicts, Path(receipt.path))
