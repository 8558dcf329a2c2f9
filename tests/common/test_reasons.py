"""Every reason for which a stage refuses or rejects has one sentence, and every reason is given by some stage."""

import ast
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.common.data.rejections import BOX, REJECTIONS, SET, meaning, rejection
from components.common.data.schemas import OF_LABELS, REASONS
from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.vision.images import Rejected
from components.ingest.notes import ABOUT_LABELS
from components.ingest.stage import _refusal
from pipelines.cli.app import app

COMPONENTS = Path(__file__).parents[2] / "components"
TABLES = {COMPONENTS / "common/data/schemas.py", COMPONENTS / "common/data/rejections.py"}


def words() -> set[str]:
    """Every text that stands by itself in the components' code, without the tables of reasons."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in COMPONENTS.rglob("*.py") if path not in TABLES]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str)}


def test_each_reason_has_a_sentence_of_its_own() -> None:
    for stage, reasons in {"ingest": REASONS, **REJECTIONS}.items():
        told = [meaning(stage, reason) for reason in reasons]
        assert all(len(sentence.split()) > 1 for sentence in told) and len({*told}) == len(told), stage


def test_ingest_notes_every_kind_of_label_that_it_refuses() -> None:
    assert {*ABOUT_LABELS} == {*OF_LABELS}


def test_no_stage_can_give_a_reason_without_one() -> None:
    for give in (
        lambda: _refusal("a.jpg", "odd", ""),
        lambda: Rejected("odd", ""),
        *(lambda stage=stage: rejection(stage, BOX, "key", None, "odd") for stage in REJECTIONS),
    ):
        with pytest.raises(ValueError, match="odd"):
            give()
    assert meaning("ingest", "odd") == meaning("no stage", "empty") == ""


def test_each_reason_is_given_somewhere() -> None:
    known = {*REASONS, *(reason for reasons in REJECTIONS.values() for reason in reasons)}
    assert known <= words()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("view", "quarantine:0"), REASONS["truncated"]),
        (("find", "reason=truncated"), REASONS["truncated"]),
        (("view", "removal_rejects:0"), REJECTIONS["removal"]["undecodable"]),
    ],
)
def test_the_command_explains_the_reason_of_a_row(
    words: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = {"uri": "a.jpg", "stage": "ingest", "reason": "truncated", "detail": "ends early"}
    for name, kind, row in (
        ("quarantine", "quarantine", refused),
        ("removal_rejects", "rejects", rejection("removal", SET, "key", None, "undecodable")),
    ):
        with Writer(tmp_path / "data" / name, kind, "test", {}, StageParams()) as out:
            out.write(0, [row])
    said = CliRunner().invoke(app, ["lineage", *words]).output
    assert sentence in " ".join(said.split())
