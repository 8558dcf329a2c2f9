"""The words of the page belong to plots and pictures that a stage makes."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.report.words import PICTURES, PLOTS
from pipelines.steps import STEPS

ROOT = Path(__file__).parents[2]


def texts(stage: str) -> Iterator[str]:
    """Every text in a stage's code."""
    for path in (ROOT / STEPS[stage].stage.folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.mark.parametrize("key", [*PLOTS, *PICTURES])
def test_words_are_for_something_that_a_stage_makes(key: str) -> None:
    stage, name = key.split("/")
    found = set(texts(stage))
    benchmark, _, rest = name.partition("_")  # evaluation's pictures begin with the benchmark's name
    assert name in found or {benchmark, f"_{rest}"} <= found
