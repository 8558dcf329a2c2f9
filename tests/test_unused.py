"""No code is there for tests alone: whatever the code defines, something other than a test uses."""

import ast
import re
import subprocess
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = ("components/", "pipelines/")
READ = (".py", ".toml", ".yaml", ".yml", ".html", ".sh", ".js", ".cpp")
CALLED_BY_LIGHTNING = {"training_step", "configure_optimizers", "on_train_batch_start"}


def test_every_function_and_class_is_used_by_something_other_than_a_test() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.splitlines() if name.endswith(READ) and not name.startswith(("tests/", "docs/"))]
    texts = {name: (ROOT / name).read_text(encoding="utf-8") for name in names if (ROOT / name).is_file()}
    words = Counter(word for text in texts.values() for word in re.findall(r"\w+", text))
    unused = [
        f"{name}:{node.lineno} {node.name}"
        for name in names
        if name.endswith(".py") and name.startswith(CODE) and name in texts
        for node in ast.walk(ast.parse(texts[name]))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and words[node.name] == 1
        and not node.decorator_list  # a decorator may hand it on: a command, a page, a property of a template
        and not node.name.startswith("__")
    ]
    assert [each for each in unused if each.split()[1] not in CALLED_BY_LIGHTNING] == []
