"""Where MLflow's records are."""

from pathlib import Path

import pytest

from components.common.stage import tracking


def test_records_may_be_in_a_folder_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    name = "my #1 project? 100%25 (new)"
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / name).mkdir()
    (tmp_path / "page.html").write_text("a page")
    before = mlflow.get_tracking_uri()
    try:
        tracking.configure(tmp_path / name)
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(tmp_path / "page.html"), "report")
        assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    finally:
        mlflow.set_tracking_uri(before)
    assert (tmp_path / name / "mlflow.db").stat().st_size > 0
    assert [path.name for path in (tmp_path / name / "mlartifacts").rglob("page.html")] == ["page.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "page.html"])
