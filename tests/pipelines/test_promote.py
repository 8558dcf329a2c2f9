"""`objectmate promote`: which runs become the champion, and what a registered version holds."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_data import SUBJECTS, Values, base, judge, scored_run
from typer.testing import CliRunner

import pipelines.promotion.promote
from components.common.data.reading import Dataset
from components.common.errors import GateStop, StageFailed, UserError
from components.common.stage import tracking
from pipelines.cli.app import app
from pipelines.engines.workspace import Workspace
from pipelines.promotion.promote import Promoted, promote
from pipelines.takedown.records import _tag_versions

MODEL = "objectmate-insertion"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with MLflow's store, still without runs."""
    home = tmp_path_factory.mktemp("registry")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(home)
        tracking.configure(Path())
    return home


@pytest.fixture
def mlflow(registry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """MLflow with an empty store in the current folder."""
    import mlflow

    before = mlflow.get_tracking_uri()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(registry / "mlflow.db", tmp_path)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(tracking.own_store(Path()))
    yield mlflow
    mlflow.set_tracking_uri(before)


def recorded(mlflow: Any, name: str, values: Values, **changes: Any) -> Workspace:
    """A finished run in the folder `name`, with a record in MLflow."""
    workspace = scored_run(Path(name), values, **changes)
    experiment = mlflow.create_experiment(name, artifact_location=Path("artifacts", name).absolute().as_uri())
    workspace.page.parent.mkdir(exist_ok=True)
    workspace.tracked.write_text(mlflow.MlflowClient().create_run(experiment).info.run_id)
    return workspace


def moved(values: Values, by: float) -> dict[str, Any]:
    """Scores whose independent identity is higher by about so much on each subject."""
    noise = 0.01 * np.random.default_rng(7).normal(size=SUBJECTS)
    return dict(values) | {"second_ir": np.asarray(values["second_ir"]) + by + noise - noise.mean()}


def champion(mlflow: Any) -> Any:
    return mlflow.MlflowClient().get_model_version_by_alias(MODEL, "champion")


def test_the_first_champion_can_be_loaded_and_knows_where_it_comes_from(mlflow: Any) -> None:
    run = recorded(mlflow, "first", base())
    result = CliRunner().invoke(app, ["promote", "first"])
    assert result.exit_code == 0 and f"models:/{MODEL}@champion is version 1" in result.output, result.output
    folder = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}@champion"))
    model, tuples = Dataset(folder / "model"), Dataset(run.dataset("tuples"))
    assert model.digest == Dataset(run.dataset("model_insertion")).digest
    assert sorted(path.name for path in (folder / "model" / "pipeline").iterdir()) == [
        f"{k}.safetensors" for k in range(4)
    ]
    tags = champion(mlflow).tags
    assert (tags["model"], tags["dataset.tuples"], tags["run"]) == (
        model.digest,
        tuples.digest,
        run.tracked.read_text(),
    )
    assert tags["workspace"] == str(run.root.resolve())
    card = (folder / "README.md").read_text()
    for words in (
        model.digest,
        tuples.digest,
        "| model | pass |",
        "## Rights",
        "## Known limits",
        "over shuffled-refs",
    ):
        assert words in card, words
    again = promote("first")
    assert not again.moved and again.version == "1" and len(versions(mlflow)) == 1


def test_a_model_that_was_damaged_on_the_disk_is_not_registered(mlflow: Any) -> None:
    run = recorded(mlflow, "damaged", base())
    weights = sorted((run.dataset("model_insertion") / "pipeline").iterdir())[-1]
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(StageFailed, match=rf"model_insertion/pipeline/{weights.name}: expected .* was damaged"):
        promote("damaged")
    assert not versions(mlflow)


def test_no_run_is_compared_with_damaged_scores_of_the_champion(mlflow: Any) -> None:
    recorded(mlflow, "first", base())
    recorded(mlflow, "second", moved(base(), 0.02))
    promote("first")
    stored = Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}@champion")) / "scores"
    [table] = stored.glob("*.parquet")
    table.write_bytes(table.read_bytes()[:-1] + b"!")
    with pytest.raises(StageFailed, match=rf"scores/{table.name}: expected .* was damaged"):
        promote("second")
    assert len(versions(mlflow)) == 1


def versions(mlflow: Any) -> list[Any]:
    return list(mlflow.MlflowClient().search_model_versions(f"name = '{MODEL}'"))


def test_a_worse_run_is_refused_and_one_that_is_not_worse_takes_over(mlflow: Any) -> None:
    scores = base()
    recorded(mlflow, "first", scores)
    recorded(mlflow, "worse", moved(scores, -0.02))
    recorded(mlflow, "better", moved(scores, 0.02))
    promote("first")
    with pytest.raises(GateStop, match=r"by insertion.second_ir it is worse than the champion by 0.020 .*24 subjects"):
        promote("worse")
    assert champion(mlflow).version == 1 and len(versions(mlflow)) == 1, "nothing of the refused one is registered"
    done = promote("better")
    assert done == Promoted(MODEL, "2", "champion", done.standing, True) and champion(mlflow).version == 2
    assert done.standing.startswith("by insertion.second_ir it is better than the previous champion: +0.02")
    assert done.standing in champion(mlflow).description


def test_a_champion_that_came_in_the_meantime_keeps_the_alias(mlflow: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    scores = base()
    for name, by in (("first", 0), ("slow", 0.01), ("quick", 0.02)):
        recorded(mlflow, name, moved(scores, by))
    promote("first")
    register = pipelines.promotion.promote._register

    def overtaken(*given: Any) -> str:
        monkeypatch.setattr(pipelines.promotion.promote, "_register", register)
        promote("quick")
        return register(*given)

    monkeypatch.setattr(pipelines.promotion.promote, "_register", overtaken)
    with pytest.raises(GateStop, match="version 2 became the champion in the meantime: promote again"):
        promote("slow")
    assert champion(mlflow).version == 2


def test_a_run_whose_gate_did_not_pass_is_refused_with_its_reason(mlflow: Any) -> None:
    judge(recorded(mlflow, "run", base()), verdict="undecided", reason="6 subjects are too few", next_step="add 2")
    with pytest.raises(GateStop, match=r"model gate is undecided: 6 subjects are too few\. Next: add 2"):
        promote("run")
    run = recorded(mlflow, "unjudged", base())
    shutil.rmtree(run.dataset("gate_model"))
    with pytest.raises(GateStop, match="the model gate has not judged the current run"):
        promote("unjudged")
    assert versions(mlflow) == []


def test_what_cannot_be_compared_is_refused(mlflow: Any) -> None:
    recorded(mlflow, "first", base())
    recorded(mlflow, "other", base(), spec="t" * 64)
    scored_run(Path("unrecorded"), base())
    promote("first")
    with pytest.raises(GateStop, match=r"with the champion \(insertion.second_ir: measured differently"):
        promote("other")
    with pytest.raises(UserError, match="MLflow has no record of the run unrecorded"):
        promote("unrecorded")
    Path("unrecorded", "data", "report").mkdir(exist_ok=True)
    Path("unrecorded", "data", "report", "mlflow_run").write_text("0" * 32)
    with pytest.raises(StageFailed, match=r"not promoted, since MLflow refused a request .*0000"):
        promote("unrecorded")


@pytest.mark.parametrize(
    "named", [{"name": "a/b"}, {"name": "a@b"}, {"alias": "v1"}, {"alias": "latest"}, {"alias": ""}]
)
def test_a_name_that_the_registry_cannot_keep_is_refused_first(mlflow: Any, named: dict[str, str]) -> None:
    recorded(mlflow, "first", base())
    with pytest.raises(UserError, match=r"give --(name|alias)"):
        promote("first", **named)
    assert not list(mlflow.MlflowClient().search_model_versions(""))


def test_a_takedown_marks_the_versions_and_bars_the_run(mlflow: Any) -> None:
    run = recorded(mlflow, "first", base())
    promote("first")
    _tag_versions(mlflow.MlflowClient(), {run.tracked.read_text(), None}, "2026-01")
    assert "taken down" in champion(mlflow).tags["takedown.2026-01"]
    mlflow.MlflowClient().set_tag(run.tracked.read_text(), "takedown.2026-01", "pictures withdrawn")
    with pytest.raises(GateStop, match=r"taken down since \(takedown.2026-01\): train it again"):
        promote("first")
