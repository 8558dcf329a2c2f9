"""The command line: light to start, and every mistake is one sentence with exit code 2."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = "torch lightning diffusers transformers mlflow great_expectations kfp dvc faiss pandas pyarrow numpy matplotlib"


def objectmate(*words: str, cwd: Path) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "pipelines.cli", *words], cwd=cwd, capture_output=True, text=True)


def test_help_imports_nothing_heavy():
    code = f"import sys, pipelines.cli; print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize("command", ["run", "stage", "compile", "report", "params", "dvc", "sandbox"])
def test_every_command_has_help(command):
    assert objectmate(command, "--help", cwd=ROOT).returncode == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "everything"], "there is no pipeline 'everything'"),
        (["run", "--engine", "cloud", "--workspace", "w"], "there is no engine 'cloud'"),
        (["run", "--profile", "huge", "--workspace", "w"], "there is no profile 'huge'"),
        (["run", "--images", "nowhere"], "there is no nowhere"),
        (["run", "--set", "mining.low"], "write section.key=value"),
        (["run", "--set", "mining.low=0.99", "--set", "mining.high=0.9", "--workspace", "w"], "mining"),
        (["stage", "mending"], "there is no stage 'mending'"),
        (["stage", "mining"], "there is no params.yaml"),
        (["sandbox", "train"], "objectmate sandbox render pretrain"),
        (["sandbox", "render", "moon"], "there is no split 'moon'"),
    ],
)
def test_mistakes_are_one_sentence(words, sentence, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_empty_folder_of_photographs_is_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "params.yaml").write_text(
        subprocess.run(
            [sys.executable, "-m", "pipelines.cli", "params"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        .stdout.replace("sandbox:corpus/labels.csv", "''")
        .replace("sandbox:corpus", "empty")
    )
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli", "stage", "ingest"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert "empty" in done.stderr and "Traceback" not in done.stderr
