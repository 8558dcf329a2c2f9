"""The exit handler of every pipeline, as a KFP component."""

from kfp import dsl
from kfp.dsl import PipelineTaskFinalStatus

from components.common.stage.kubeflow import image


@dsl.component(base_image=image("gates"), install_kfp_package=False)
def ending(pipeline: str, status: PipelineTaskFinalStatus) -> None:
    """Says how the run ended, and closes its MLflow run."""
    from pipelines.cluster.ending import close

    close(pipeline, status.state, status.pipeline_job_resource_name, status.error_message)
