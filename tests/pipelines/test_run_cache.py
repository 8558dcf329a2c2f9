"""One cache for all workspaces: what ran before with equal inputs is restored, with its records, and not run again."""

import json
from pathlib import Path

import pytest
import yaml

from pipelines.engines.local import open_dvc
from pipelines.engines.prepare import DVCIGNORE, _set_up_dvc
from pipelines.engines.workspace import RESTORED, Workspace
from pipelines.parameters import render, resolve

MAKE = "mkdir -p data/made data/reports/make"
WORK = "cp source.txt data/made/copy.txt && echo ran >> ran.txt"
CODE = 'printf \'{"code": "c"}\' > data/made/_finished.json'
RECORDS = f'{CODE} && echo \'{{"stage": "make"}}\' > data/reports/make/run.json'
STAGE = {
    "cmd": f"{MAKE} && {WORK} && echo {{}} > data/reports/make/metrics.json && {RECORDS}",
    "deps": ["source.txt"],
    "outs": [{"data/made": {"persist": True}}, "data/reports/make"],
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def workspace(name: str, source: str) -> Workspace:
    """A workspace with one stage, which copies its input and leaves a line in ran.txt whenever it runs."""
    root = Path("runs") / name
    root.mkdir(parents=True)
    (root / "source.txt").write_text(source)
    (root / "params.yaml").write_text(render(resolve("sandbox")))
    (root / ".dvcignore").write_text(DVCIGNORE)
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"make": STAGE}}))
    _set_up_dvc(root)
    return Workspace(root)


def reproduce(made: Workspace) -> int:
    """Brings the workspace up to date; returns how often its stage has run there."""
    with open_dvc(made) as repo:
        repo.reproduce()
    log = made.root / "ran.txt"
    return len(log.read_text().splitlines()) if log.exists() else 0


def copy(made: Workspace) -> Path:
    return made.dataset("made") / "copy.txt"


def record(made: Workspace) -> dict[str, str]:
    return json.loads((made.root / "data/reports/make/run.json").read_text())


def test_a_second_workspace_takes_from_the_cache_what_the_first_made(home: Path) -> None:
    first, second = workspace("first", "one"), workspace("second", "one")
    assert reproduce(first) == 1 and RESTORED not in record(first)
    assert reproduce(second) == 0
    assert copy(second).read_text() == "one"
    written, restored = (made.dataset("made") / "_finished.json" for made in (first, second))
    assert restored.read_bytes() == written.read_bytes(), "the record of which code made it came along, as it was"
    assert record(second)["stage"] == "make" and RESTORED in record(second)
    assert (second.root / "dvc.lock").read_bytes() == (first.root / "dvc.lock").read_bytes()


def test_what_is_taken_from_the_cache_was_made_from_these_inputs(home: Path) -> None:
    only = workspace("only", "one")
    assert reproduce(only) == 1
    (only.root / "source.txt").write_text("two")
    assert reproduce(only) == 2 and copy(only).read_text() == "two"
    (only.root / "source.txt").write_text("one")
    assert reproduce(only) == 2 and copy(only).read_text() == "one"
    (only.root / "source.txt").write_text("three")
    assert reproduce(only) == 3 and copy(only).read_text() == "three"
    assert RESTORED not in record(only)


def test_the_cache_replaces_half_made_work(home: Path) -> None:
    first, second = workspace("first", "one"), workspace("second", "one")
    reproduce(first)
    second.dataset("made").mkdir(parents=True)
    (second.dataset("made") / "_unfinished.json").write_text("{}")
    (second.dataset("made") / "part-00000.parquet").write_text("half")
    assert reproduce(second) == 0
    assert {path.name for path in second.dataset("made").iterdir()} == {"copy.txt", "_finished.json"}


def test_writing_to_a_restored_file_leaves_the_cache_alone(home: Path) -> None:
    first, second, third = (workspace(name, "one") for name in ("first", "second", "third"))
    reproduce(first)
    reproduce(second)
    assert copy(second).stat().st_nlink == 1 and not copy(second).is_symlink()
    copy(second).write_text("spoilt")
    reproduce(third)
    assert copy(third).read_text() == "one"


def test_a_project_shares_the_cache_that_it_has(home: Path) -> None:
    from dvc.repo import Repo

    with Repo.init(".", no_scm=True) as project, project.config.edit("repo") as config:
        config["cache"] = {"dir": "elsewhere"}
    reproduce(workspace("first", "one"))
    assert list((home / "elsewhere").rglob("*.dir")) and not (home / "runs/.cache").exists()
    assert reproduce(workspace("second", "one")) == 0
