"""Every package that the code imports is a dependency that pyproject.toml names: none is there by chance."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).parent.parent
OWN = {"components", "pipelines"}
NAMESPACED = {"google.protobuf": "protobuf"}
"""Packages that share their first name with other distributions -> their distribution."""


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared() -> set[str]:
    """The distributions that pyproject.toml names, extras included."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    requirements = [
        *project["dependencies"],
        *(each for extra in project["optional-dependencies"].values() for each in extra),
    ]
    return {normalised(re.split(r"[^\w.-]", requirement)[0]) for requirement in requirements}


def imports() -> Iterator[tuple[str, str]]:
    """Top-level package (or `NAMESPACED` distribution) and where it is imported, of every import in the code."""
    for path in sorted(path for folder in OWN for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                first, second = [*name.split("."), ""][:2]
                yield NAMESPACED.get(f"{first}.{second}", first), f"{path.relative_to(ROOT)}:{node.lineno}"


def test_what_is_imported_is_declared() -> None:
    providers, named, missing = packages_distributions(), declared(), {}
    for package, where in imports():
        if package in OWN or package in sys.stdlib_module_names:
            continue
        distributions = {normalised(name) for name in providers.get(package, [package])}
        if not distributions & named:
            missing.setdefault(package, f"{sorted(distributions)}, in {where}")
    assert not missing
