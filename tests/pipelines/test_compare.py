"""`objectmate compare`: equal, different and missing datasets, by what dvc.lock has on record."""

import re

import pytest
import yaml
from typer.testing import CliRunner

from components.common.errors import UserError
from pipelines.cli.app import app
from pipelines.engines.local import dvc_digests
from pipelines.engines.workspace import Workspace
from pipelines.report.compare import compare
from pipelines.steps import PIPELINES

DATASETS = {name: f"{i:032x}.dir" for i, step in enumerate(PIPELINES["full"]) for name in step.outputs.values()}


def record(root, **changed: str) -> Workspace:
    """A workspace whose dvc.lock has all datasets, with `changed` hashes ("": not there), and a report of each step."""
    hashes = DATASETS | changed
    stages = {
        step.name: {
            "outs": [{"path": f"data/{name}", "md5": hashes[name]} for name in step.outputs.values() if hashes[name]]
            + [{"path": f"data/reports/{step.name}", "md5": f"report of {root.name}"}]
        }
        for step in PIPELINES["full"]
    }
    root.mkdir()
    (root / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    return Workspace(root)


def test_a_dataset_named_like_its_step_keeps_its_own_hash(tmp_path):
    assert dvc_digests(record(tmp_path / "run")) == DATASETS


def test_equal_datasets_are_equal_whatever_the_reports_say(tmp_path, capsys):
    assert compare(record(tmp_path / "a"), record(tmp_path / "b"), "full")
    assert f"{len(DATASETS)} of {len(DATASETS)} datasets are equal" in capsys.readouterr().out


@pytest.mark.parametrize(("digest", "verdict"), [("f" * 32 + ".dir", "different"), ("", "missing")])
@pytest.mark.parametrize("changed", ["run", "reference"])
def test_the_one_that_is_not_equal_is_named(tmp_path, digest, verdict, changed):
    for name in ("run", "reference"):
        record(tmp_path / name, **({"sets": digest} if name == changed else {}))
    result = CliRunner().invoke(app, ["compare", str(tmp_path / "run"), str(tmp_path / "reference")])
    assert result.exit_code == 1
    assert [line.split()[1] for line in result.output.splitlines() if verdict in line] == ["sets"]
    assert re.search(rf"{len(DATASETS) - 1} of {len(DATASETS)}", result.output)


def test_only_what_the_pipeline_makes_counts(tmp_path):
    run, reference = record(tmp_path / "run", scores=""), record(tmp_path / "reference")
    assert compare(run, reference, "dataset")
    assert not compare(run, reference, "full")


def test_a_workspace_without_a_record_is_refused(tmp_path):
    with pytest.raises(UserError, match="objectmate sync"):
        compare(Workspace(tmp_path), record(tmp_path / "reference"), "full")
