"""The ending closes the MLflow run, and says what happened."""

import mlflow
import pytest

from pipelines.cluster.ending import close


@pytest.fixture
def run(tmp_path, monkeypatch):
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    made = mlflow.MlflowClient().create_run(mlflow.create_experiment("e", str(tmp_path / "artifacts"))).info.run_id
    monkeypatch.setenv("MLFLOW_RUN_ID", made)
    return made


@pytest.mark.parametrize(
    ("state", "message", "status", "sentence"),
    [
        ("SUCCEEDED", "", "FINISHED", "full succeeded (run-1)"),
        ("FAILED", "Task mining failed.", "FAILED", "full failed (run-1): Task mining failed."),
        ("FAILED", "\x1b[2Jmining", "FAILED", "full failed (run-1): \x1b[2Jmining"),
    ],
)
def test_the_joined_run_is_closed(run, state, message, status, sentence, capsys):
    assert close("full", state, "run-1", message) == sentence
    recorded = mlflow.MlflowClient().get_run(run)
    assert recorded.info.status == status and recorded.data.tags["mlflow.note.content"] == sentence
    assert recorded.data.tags["kubeflow.run"] == "run-1"
    assert capsys.readouterr().out == sentence.replace("\x1b", r"\x1b") + "\n"


def test_without_a_run_it_only_prints(monkeypatch):
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    assert close("dataset", "SUCCEEDED", "run-2", "") == "dataset succeeded (run-2)"
