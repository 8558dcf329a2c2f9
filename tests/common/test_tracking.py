"""Where MLflow's records are."""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from components.common.errors import StageFailed
from components.common.stage import tracking


@contextmanager
def recorded_in(folder: Path) -> Iterator[Any]:
    """MLflow, whose records go to a folder meanwhile."""
    import mlflow

    before = mlflow.get_tracking_uri()
    try:
        tracking.configure(folder)
        yield mlflow
    finally:
        mlflow.set_tracking_uri(before)


def test_records_may_be_in_a_folder_of_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    name = "my #1 project? 100%25 (new)"
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / name).mkdir()
    (tmp_path / "page.html").write_text("a page")
    before = mlflow.get_tracking_uri()
    (tmp_path / name / ".objectmate").mkdir()
    with (tmp_path / name / tracking.LOCK).open("w") as other:  # another run's first record
        fcntl.flock(other, fcntl.LOCK_EX)
        made = Thread(target=tracking.configure, args=(tmp_path / name,))
        made.start()
        made.join(0.5)
        assert made.is_alive() and not (tmp_path / name / "mlflow.db").exists()
    made.join()
    with recorded_in(tmp_path / name):
        with mlflow.start_run() as run:
            mlflow.log_artifact(str(tmp_path / "page.html"), "report")
        assert mlflow.get_run(run.info.run_id).info.status == "FINISHED"
    mlflow.set_tracking_uri(before)
    assert (tmp_path / name / "mlflow.db").stat().st_size > 0
    assert [path.name for path in (tmp_path / name / "mlartifacts").rglob("page.html")] == ["page.html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "page.html"])


def test_a_run_that_is_not_there_is_named_and_absent_git_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_DEFAULT_ARTIFACT_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(logger := logging.getLogger("mlflow.utils.git_utils"), "disabled", False)
    monkeypatch.setenv("MLFLOW_RUN_ID", "0123456789abcdef0123456789abcdef")
    with (
        recorded_in(tmp_path),
        pytest.raises(StageFailed, match=r"MLflow has no run 0123456789abcdef0123456789abcdef.*: unset MLFLOW_RUN_ID"),
        tracking.refusals(),
        tracking.parent_run("full here", []),
    ):
        pass
    assert logger.disabled, "without git, MLflow would print thirty lines about a commit"
