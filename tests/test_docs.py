"""README and docs: commands and snippets work, links and paths lead somewhere, the diagram matches the table."""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import docs_text
import pytest
from docs_text import AFTER_A_RUN, PAGES, README, ROOT, RUNBOOK, Block

from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from pipelines.models.lock import FILE as LOCK
from pipelines.parameters import fields
from pipelines.steps import STEPS

PYTHON = [block for page in PAGES for block in docs_text.blocks(page, "python")]
SHELL = [block for page in PAGES for block in docs_text.blocks(page, "sh")]
QUICK = [block for block in SHELL if not block.note]
NOTED = [block for block in SHELL if block.note]
NOT_RUN = {"README.md": 7, "architecture.md": 2, "audit.md": 1, "benchmarks.md": 3, "gates.md": 1,
           "operate.md": 10, "reproduce.md": 1, "review.md": 3}  # fmt: skip
"""Page -> number of blocks that say why they cannot be run here. Raise a number only for a block that truly cannot."""


class Made(StageParams):
    """The parameters of the small datasets."""

    section: ClassVar[str] = "made"


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like a checkout after a run, with small datasets of the kinds that the snippets read."""
    folder = tmp_path_factory.mktemp("workplace")
    (folder / "components").symlink_to(ROOT / "components")
    shutil.copy(ROOT / "params.yaml", folder)
    data = folder / "data"
    photograph = {
        "image_id": "a" * 64, "uri": "mug.jpg", "width": 9, "height": 9, "format": "JPEG", "bytes": 1,
        "dhash": bytes(32), "dhash_flipped": bytes(32), "train_ai": "unknown", "collection": "c", "licence": "CC0-1.0",
    }  # fmt: skip
    blobs = [{"image.jpg": b"1"}]
    refused = {"uri": "cut.jpg", "stage": "ingest", "reason": "truncated", "detail": "ends early"}
    sample = {
        "tuple_id": "t", "anchor": 0, "refs": [1, 2, 3], "caption": "", "split": "train", "group": 0,
        "parents": ["o"], "sources": [photograph["image_id"]],
    }  # fmt: skip
    pictures = [{f"{name}.png": b"1" for name in ("target", "background", "mask", "ref0", "ref1", "ref2")}]
    score = {
        "system": "objectmate", "benchmark": "insertion", "subject": "mug", "sample": "mug-0", "metric": "ir",
        "value": 0.5, "spec_digest": "d",
    }  # fmt: skip
    _make(data / "images", [photograph], [], blobs)
    _make(data / "quarantine", [refused], [])
    _make(data / "tuples", [sample], [data / "images"], pictures)
    _make(data / "scores", [score], [])
    _make(data / "model_insertion", [], [data / "tuples"], kind="model")
    (data / "model_insertion" / "pipeline").symlink_to(ROOT / "components/sandbox/models/base_insertion")
    _record_run(folder)
    return folder


def _make(
    folder: Path, rows: list[dict[str, Any]], inputs: list[Path], blobs: list[Any] | None = None, kind: str = ""
) -> None:
    with Writer(folder, kind or folder.name, "made", {path.name: path for path in inputs}, Made()) as out:
        out.write(0, rows, blobs)


def _record_run(folder: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    client.create_run(client.create_experiment("objectmate", (folder / "mlartifacts").as_uri()))


def _run(words: list[str], folder: Path) -> str:
    """Runs a command in the folder as in an activated environment; returns what it printed, or fails with that."""
    own = {"PYTHONPATH": str(ROOT), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, env=os.environ | own)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("block", PYTHON, ids=str)
def test_python_snippets_run_unchanged(
    block: Block, workplace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(workplace)
    before = set(workplace.iterdir())
    exec(compile(block.text, str(block), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out.strip() or set(workplace.iterdir()) - before, (
        "a snippet shows something, or leaves a file"
    )


@pytest.mark.parametrize("block", QUICK, ids=str)
def test_quick_commands_run_unchanged(block: Block, workplace: Path) -> None:
    assert _run(["bash", "-euc", block.text], workplace).strip()


@pytest.mark.parametrize("block", [*NOTED, *docs_text.blocks(RUNBOOK, "sh")], ids=str)
def test_every_other_command_exists_and_takes_its_options_and_settings(block: Block) -> None:
    subprocess.run(["bash", "-n", "-c", block.text], check=True)
    for words in docs_text.commands(block):
        docs_text.check(words)


@pytest.mark.parametrize("page", [*PAGES, RUNBOOK], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_running_text_exist(page: Path) -> None:
    for words in docs_text.spans(page):
        docs_text.check_options(words)


def test_only_a_few_blocks_are_not_run_and_each_says_why() -> None:
    notes = [block for block in NOTED if block.note != AFTER_A_RUN]
    assert all(block.note.startswith("not run: ") for block in notes), notes
    assert Counter(block.page.name for block in notes) == NOT_RUN


def test_no_block_is_in_a_language_that_nothing_checks() -> None:
    for page in PAGES:
        languages = set(re.findall(r"^ *```(\w+)$", page.read_text(encoding="utf-8"), re.M))
        assert languages <= {"sh", "python", "mermaid"}, page


@pytest.mark.parametrize("page", [*PAGES, RUNBOOK], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_and_paths_lead_somewhere(page: Path) -> None:
    for link in docs_text.links(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in docs_text.anchors(target), link
    missing = [path for path in docs_text.paths(page) if not (ROOT / path).exists()]
    assert not missing, missing


@pytest.mark.parametrize("page", [*PAGES, RUNBOOK], ids=lambda page: str(page.relative_to(ROOT)))
def test_parameters_named_exist(page: Path) -> None:
    known = {*fields(), str(LOCK)}  # whose name looks like a parameter's
    sections = {key.partition(".")[0] for key in known if "." in key}
    assert {key for key in docs_text.keys(page) if key.partition(".")[0] in sections} <= known


def test_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 200


def test_the_diagram_matches_the_table() -> None:
    (block,) = docs_text.blocks(ROOT / "docs/architecture.md", "mermaid")
    edges = re.findall(r"^ *(\w+)(?:\{\{\w+\}\})? -->\|([\w, ]+)\| (\w+)", block.text, re.M)
    waits = re.findall(r"^ *(\w+) -\.-> (\w+)", block.text, re.M)
    drawn = {(_step(source), name, _step(to)) for source, names, to in edges for name in names.split(", ")}
    makers = {name: step.name for step in STEPS.values() for name in step.outputs.values()}
    reads = {(makers[name], name, step.name) for step in STEPS.values() for name in step.inputs.values()}
    left_out = {edge for edge in reads if edge[1] in ("images", "objects") or edge[1].endswith("_rejects")} - drawn
    assert drawn == reads - left_out
    assert set(waits) == {(gate, step.name) for step in STEPS.values() for gate in step.after}


def _step(node: str) -> str:
    """The step of a node in the diagram: a subgraph already has the name of one."""
    return node.removeprefix("stage_")
