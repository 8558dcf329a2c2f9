"""A run that is killed in a stage leaves no process, is in MLflow after the next start, and can be continued."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from killing import living, stop_in, wait_for, workers
from short_run import ROOT, command, environment, objectmate

CORPUS = ROOT / "components" / "sandbox" / "world" / "corpus" / "images"
RUN = ("run", "dataset", "--images", "photos", "--continue-past-gates", "--workspace", "line")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder with six photographs, whose processes end with the test."""
    (tmp_path / "photos").mkdir()
    for photograph in sorted(CORPUS.iterdir())[:6]:
        shutil.copy(photograph, tmp_path / "photos")
    yield tmp_path
    for process in living(tmp_path):
        process.kill()


# A run under DVC that is killed outright is in test_runs.py.
@pytest.mark.parametrize(("engine", "word", "code"), [("dvc", signal.SIGTERM, 143), ("kfp", signal.SIGINT, 130)])
def test_a_killed_run_leaves_no_process_and_is_in_mlflow(home, engine, word, code):
    ended, errors = stop_in(home, "ingest", word, *RUN, "--engine", engine, "--set", "mining.min_views=4")
    assert ended == code
    assert [line for line in errors.splitlines() if line.startswith("objectmate")] == errors.splitlines()[-1:]
    assert "Traceback" not in errors
    wait_for(lambda: not living(home))
    after = objectmate("run", "--images", "nowhere", cwd=home)
    assert after.stdout.count("was killed") == 1, after.stdout + after.stderr
    (run,) = mlflow_runs(home)
    assert run.info.status == "KILLED" and run.info.start_time <= run.info.end_time
    expected = {"pipeline": "dataset", "engine": engine, "images": "photos", "mining.min_views": "4"}
    assert expected.items() <= run.data.params.items()
    assert "was killed" not in objectmate("run", "--images", "nowhere", cwd=home).stdout


@pytest.mark.parametrize("engine", ["dvc", "kfp"])
def test_a_killed_stage_is_not_the_users_fault(home, engine):
    run = subprocess.Popen(
        command(*RUN, "--engine", engine), cwd=home, env=environment(), stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: workers(home, run, "ingest"))
    for process in workers(home, run, "ingest"):
        process.kill()
    _, errors = run.communicate()
    assert (run.returncode, errors.splitlines()[-1].startswith("objectmate: ingest failed")) == (1, True), errors


@pytest.mark.parametrize("engine", ["dvc", "kfp"])
def test_a_users_mistake_that_a_stage_finds_is_exit_code_2(home, engine):
    (home / "empty").mkdir()
    ended = objectmate("run", "dataset", "--images", "empty", "--engine", engine, cwd=home)
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "holds no photographs" in (ended.stderr if engine == "dvc" else ended.stderr.splitlines()[-1])


def test_dvcs_dead_locks_are_one_line(home):
    (home / "empty").mkdir()
    words = ("run", "dataset", "--images", "empty", "--workspace", "line")
    objectmate(*words, cwd=home)
    gone = subprocess.Popen(["true"])
    gone.wait()
    paths = [str(home / "line" / "data" / name) for name in ("images", "quarantine", "subjects", "reports/ingest")]
    locks = {"read": {}, "write": {path: {"pid": gone.pid, "cmd": "objectmate run"} for path in paths}}
    (home / "line" / ".dvc" / "tmp" / "rwlock").write_text(json.dumps(locks))
    again = objectmate(*words, cwd=home)
    assert [line for line in (again.stdout + again.stderr).splitlines() if "killed" in line] == [
        "DVC removes the locks that a killed run left on its datasets."
    ]


def mlflow_runs(home: Path) -> list:
    import mlflow

    mlflow.set_tracking_uri(f"sqlite:///{home / 'mlflow.db'}")
    return mlflow.search_runs(experiment_names=["objectmate"], output_format="list")


def test_the_processes_of_a_training_end_with_the_stage(tmp_path):
    (tmp_path / "sleeper.py").write_text("import time\ntime.sleep(600)\n")
    (tmp_path / "parent.py").write_text(
        "import subprocess, pathlib\n"
        "from components.training.launch import command\n"
        "from pipelines.engines.family import ends_together\n"
        "with ends_together():\n"
        "    subprocess.run(command(2, pathlib.Path(), 'sleeper'))\n"
    )
    parent = subprocess.Popen([sys.executable, "parent.py"], cwd=tmp_path, env=environment())
    workers = 2
    wait_for(lambda: len([p for p in living(tmp_path) if p.cmdline()[-2:-1] == ["sleeper"]]) > workers)
    parent.kill()
    parent.wait()
    wait_for(lambda: not living(tmp_path))
