"""A run that is killed in a stage leaves no process, is in MLflow after the next start, and can be continued."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from short_run import ROOT, command, environment, objectmate

from components.common.data.reading import Dataset, is_complete
from pipelines.engines.workspace import Workspace
from pipelines.steps import STEPS

CORPUS = ROOT / "components" / "sandbox" / "world" / "corpus" / "images"
RUN = ("run", "dataset", "--images", "photos", "--continue-past-gates", "--workspace", "line")
PATIENCE_SECONDS = 120


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A folder with six photographs, whose processes end with the test."""
    (tmp_path / "photos").mkdir()
    for photograph in sorted(CORPUS.iterdir())[:6]:
        shutil.copy(photograph, tmp_path / "photos")
    yield tmp_path
    for process in living(tmp_path):
        process.kill()


def living(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder or below it."""
    inside = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE:
                inside.append(process)
    return inside


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.05)


def stop_in(home: Path, step: str, word: signal.Signals, *words: str) -> tuple[int, str]:
    """Starts a run, suspends it in a step, and sends it a signal; returns its exit code and what it wrote to stderr.

    Ctrl-C goes to every process, as a terminal sends it.
    """
    with (home / "errors.txt").open("w") as errors:  # not a pipe, which a leftover process would keep open
        run = subprocess.Popen(
            command(*RUN, *words), cwd=home, env=environment(), stderr=errors, start_new_session=True
        )
    wait_for(lambda: workers(home, run, step))
    for process in workers(home, run, step):
        process.suspend()
    os.killpg(run.pid, word) if word == signal.SIGINT else run.send_signal(word)
    wait_for(lambda: run.poll() is not None)
    return run.returncode, (home / "errors.txt").read_text()


def workers(home: Path, run: subprocess.Popen, step: str) -> list[psutil.Process]:
    """The processes that do a step of a run, without its shells; empty before it has begun."""
    doing = []
    for process in living(home):
        with suppress(psutil.Error):
            shell = Path(process.cmdline()[0]).name in ("sh", "bash", "dash")
            if process.pid != run.pid and not shell and any(step in part for part in process.cmdline()):
                doing.append(process)
    return doing


@pytest.mark.parametrize(
    ("engine", "word", "code"),
    [
        ("dvc", signal.SIGKILL, -signal.SIGKILL),
        ("dvc", signal.SIGTERM, 143),
        ("dvc", signal.SIGINT, 130),
        ("kfp", signal.SIGKILL, -signal.SIGKILL),
        ("kfp", signal.SIGINT, 130),
    ],
)
def test_a_killed_run_leaves_no_process_and_is_in_mlflow(home, engine, word, code):
    ended, errors = stop_in(home, "ingest", word, "--engine", engine, "--set", "mining.min_views=4")
    assert ended == code
    if word != signal.SIGKILL:
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


@pytest.mark.pipeline
def test_the_next_run_finishes_with_the_same_digests(home):
    stop_in(home, "embedding", signal.SIGKILL)
    wait_for(lambda: not living(home))
    again = objectmate(*RUN, cwd=home)
    assert again.returncode == 0, again.stdout + again.stderr
    by_mlflow_and_dvc = [line for line in (again.stdout + again.stderr).splitlines() if "killed" in line]
    assert len(by_mlflow_and_dvc) == 2, by_mlflow_and_dvc
    elsewhere = home / "elsewhere"  # which shares no cache with the killed run
    shutil.copytree(home / "photos", elsewhere / "photos")
    undisturbed = objectmate(*RUN, cwd=elsewhere)
    assert undisturbed.returncode == 0, undisturbed.stdout + undisturbed.stderr
    assert digests(Workspace(home / "line")) == digests(Workspace(elsewhere / "line")) != {}


def digests(workspace: Workspace) -> dict[str, str]:
    names = [name for step in STEPS.values() for name in step.outputs.values()]
    return {name: Dataset(workspace.dataset(name)).digest for name in names if is_complete(workspace.dataset(name))}


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
