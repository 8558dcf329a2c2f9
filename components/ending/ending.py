"""How a run ended: said in one line, and entered where reviewers look."""

import os


def close(name: str, state: str, resource: str, message: str) -> str:
    """Prints and returns what became of a pipeline; ends the MLflow run that `MLFLOW_RUN_ID` names, if it is set.

    state: Kubeflow's, such as SUCCEEDED or FAILED. resource: the run's name there. message: its error, if any.
    """
    sentence = f"{name} {state.lower()} ({resource})" + (f": {message}" if message else "")
    print(sentence)
    if run := os.environ.get("MLFLOW_RUN_ID"):
        import mlflow

        client = mlflow.MlflowClient()
        client.set_tag(run, "kubeflow.run", resource)
        client.set_tag(run, "mlflow.note.content", sentence)
        client.set_terminated(run, "FINISHED" if state == "SUCCEEDED" else "FAILED")
    return sentence
