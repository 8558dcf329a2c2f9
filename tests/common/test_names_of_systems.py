"""The systems that are scored have their names from one module, so that no reader of the scores misses one."""

import ast
from pathlib import Path

from components.common import systems
from components.evaluation.summary import CONTRASTS
from pipelines.report import words

ROOT = Path(__file__).parents[2]
OWN = {*systems.SYSTEMS, systems.VIEW_GAIN, systems.OVER_PASTED} - {systems.MODEL}
"""Names that mean nothing else; the model's is also the program's."""


def test_no_other_module_writes_a_systems_name():
    modules = [path for package in ("components", "pipelines") for path in (ROOT / package).rglob("*.py")]
    written = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.value}"
        for path in modules
        if path != Path(systems.__file__)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in OWN
    ]
    assert written == []


def test_the_page_has_words_for_every_system_and_difference():
    assert words.SYSTEMS.keys() == set(systems.SYSTEMS)
    assert words.CONTRASTS.keys() == CONTRASTS.keys()
