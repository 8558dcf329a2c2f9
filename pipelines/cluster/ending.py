"""Reports how a run ended: in one printed line, and in MLflow."""

import os

from components.common.errors import in_one_line
from components.common.harmless import say

GOOD = ("SUCCEEDED", "COMPLETE")
"""The states of a successful run in different versions of Kubeflow."""


def close(name: str, state: str, resource: str, message: str) -> str:
    """Prints and returns what became of a pipeline; ends the MLflow run that `MLFLOW_RUN_ID` names, if it is set.

    Kubeflow's MLflow plugin sets it. state: Kubeflow's, such as SUCCEEDED or FAILED. resource: the run's name there.
    message: its error, if any. If MLflow does not answer, the pipeline does not fail: this only prints it.
    """
    sentence = f"{name} {state.lower()} ({resource})" + (f": {message}" if message else "")
    say(sentence)
    if run := os.environ.get("MLFLOW_RUN_ID"):
        from mlflow import MlflowClient, MlflowException

        client = MlflowClient()
        try:
            client.set_tag(run, "kubeflow.run", resource)
            client.set_tag(run, "mlflow.note.content", sentence)
            client.set_terminated(run, "FINISHED" if state in GOOD else "FAILED")
        except MlflowException as error:
            say(f"the MLflow run {run} could not be closed: {in_one_line(error)}")
    return sentence
