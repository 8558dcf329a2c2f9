"""`make setup` and the compiled kernel: a lost kernel is compiled again, or a sentence says why it cannot be."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SENTENCE = "mining is about 15 times slower: install g++"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that was set up and lost its kernel. Its fake uv builds the kernel as uv's install does, offline."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / name)
    for name in ("components/__init__.py", "components/common/__init__.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    shutil.copytree(ROOT / "components/common/join", tmp_path / "components/common/join", ignore=ignored)
    scripts = tmp_path / ".venv/bin"
    scripts.mkdir(parents=True)
    (scripts / "python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    build = "from setuptools import setup; setup()"
    (scripts / "uv").write_text(f'#!/bin/sh\n{sys.executable} -c "{build}" --quiet build_ext --inplace\n')
    for script in scripts.iterdir():
        script.chmod(0o755)
    (tmp_path / ".venv/ready").touch()
    return tmp_path


def setup(checkout: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`make setup` there, without this checkout on Python's path."""
    given = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | environment
    return subprocess.run(["make", "setup"], cwd=checkout, env=given, capture_output=True, text=True)


@pytest.mark.skipif(not shutil.which("g++"), reason="there is no g++")
def test_a_lost_kernel_is_compiled_again(checkout: Path) -> None:
    done = setup(checkout)
    assert done.returncode == 0 and SENTENCE not in done.stderr, done.stderr
    kernels = list((checkout / "components/common/join").glob("_kernel*.so"))
    assert len(kernels) == 1
    changed = kernels[0].stat().st_mtime_ns
    assert setup(checkout).returncode == 0 and kernels[0].stat().st_mtime_ns == changed


def test_without_a_compiler_one_sentence_says_what_to_install(checkout: Path) -> None:
    done = setup(checkout, CC="/nowhere/g++", CXX="/nowhere/g++")
    assert done.returncode == 0 and SENTENCE in done.stderr
