"""`objectmate compare --fail-on datasets`: equal, different, damaged and missing datasets, by what is on disk."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from rich.console import Console
from test_verification import flip
from typer.testing import CliRunner, Result
from workspace_data import VERDICT, make_workspace

from components.common.data.reading import MANIFEST, Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from pipelines.cli.app import app
from pipelines.cluster.sync import _commit
from pipelines.compare.equality import all_equal
from pipelines.engines.local import dvc_digests, dvc_hashes
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.engines.summary import Outcome, _stage_table
from pipelines.engines.workspace import Workspace
from pipelines.report.page import write_page
from pipelines.steps import PIPELINES, STEPS

NAMES = [name for step in PIPELINES["full"] for name in step.outputs.values()]


class Params(StageParams):
    pass


@pytest.fixture
def run(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "run")


@pytest.fixture
def reference(run: Workspace) -> Workspace:
    """Made separately, not copied: run.json has other bytes."""
    return make_workspace(run.root.with_name("reference"))


def compared(run: Workspace, reference: Workspace) -> Result:
    return CliRunner().invoke(app, ["compare", str(reference.root), str(run.root), "--fail-on", "datasets"])


def change(workspace: Workspace, name: str) -> None:
    shutil.rmtree(workspace.dataset(name))
    with Writer(workspace.dataset(name), "verdicts", "other", {}, Params()) as out:
        out.write(0, [VERDICT])


def named(result: Result, verdict: str) -> list[str]:
    return [line.split()[1] for line in result.output.splitlines() if f" {verdict} " in line and line.count("│") > 3]


def test_equal_datasets_are_equal_whatever_the_reports_say(run, reference):
    shutil.rmtree(reference.root / "data/reports/mining")
    result = compared(run, reference)
    assert result.exit_code == 0 and f"{len(NAMES)} of {len(NAMES)} datasets are equal" in result.output
    assert Dataset(run.dataset("sets")).digest[:12] in result.output


@pytest.mark.parametrize("changed", ["run", "reference"])
def test_a_dataset_that_differs_is_named(run, reference, changed):
    change({"run": run, "reference": reference}[changed], "sets")
    result = compared(run, reference)
    assert result.exit_code == 1 and named(result, "different") == ["sets"]
    assert re.search(rf"{len(NAMES) - 1} of {len(NAMES)}", result.output)


@pytest.mark.parametrize("changed", ["run", "reference"])
def test_a_dataset_that_is_missing_is_named(run, reference, changed):
    ({"run": run, "reference": reference}[changed].dataset("sets") / MANIFEST).unlink()
    result = compared(run, reference)
    assert result.exit_code == 1 and named(result, "missing") == ["sets"]


@pytest.mark.parametrize("changed", ["run", "reference"])
def test_one_flipped_bit_is_damage(run, reference, changed):
    before, after = flip({"run": run, "reference": reference}[changed].dataset("sets") / "part-00000.parquet")
    result = compared(run, reference)
    assert result.exit_code == 1 and named(result, "damaged") == ["sets"]
    assert f"sets/part-00000.parquet: expected {before}, found {after}" in result.output


def test_one_digest_is_shown_everywhere(run, reference, capsys):
    all_equal(run, reference, "full")
    lines, page = capsys.readouterr().out.splitlines(), write_page(run).read_text()
    Console().print(_stage_table(run, Request("full"), Outcome([], [], 0.0)))
    stages = capsys.readouterr().out
    for name in NAMES:
        digest = Dataset(run.dataset(name)).digest[:12]
        (row,) = (line.split("│") for line in lines if line.startswith(f"│ {name} "))
        assert [cell.strip() for cell in row[2:4]] == [digest, digest]
        assert f"<code>{digest}</code>" in page and digest in stages


def test_only_what_the_pipeline_makes_counts(run, reference):
    (run.dataset("scores") / MANIFEST).unlink()
    assert all_equal(run, reference, "dataset")
    assert not all_equal(run, reference, "full")


def test_a_workspace_without_datasets_is_refused(run, tmp_path):
    for pair in ((run, Workspace(tmp_path / "no")), (Workspace(tmp_path / "no"), run)):
        with pytest.raises(UserError, match=r"no dataset in .*no/data: run the pipeline there"):
            all_equal(*pair, "full")


def test_a_dataset_named_like_its_step_keeps_its_own_hash(tmp_path):
    outs = [{"path": "data/mining", "md5": "1.dir"}, {"path": "data/reports/mining", "md5": "2.dir"}]
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"mining": {"outs": outs}}}))
    assert dvc_digests(Workspace(tmp_path)) == {"mining": "1.dir"}


def test_a_clone_that_holds_only_the_lock_is_compared_by_it(run, tmp_path):
    request = Request("full", workspace=run.root)
    request.identity(run.root).write(run)
    check_run(request).write()
    _commit(list(STEPS.values()), run)
    assert dvc_hashes(run) == dvc_digests(run) != {}
    clone = Workspace(tmp_path / "clone")
    clone.root.mkdir()
    shutil.copy(run.root / "dvc.lock", clone.root)
    result = compared(run, clone)
    assert result.exit_code == 0, result.output
    assert f"{len(NAMES)} are compared with dvc.lock" in result.output
    change(run, "sets")
    result = compared(run, clone)
    assert result.exit_code == 1 and named(result, "different") == ["sets"]
