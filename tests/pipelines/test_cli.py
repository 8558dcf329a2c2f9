"""The command line: light to start, and every mistake is one sentence with exit code 2."""

import inspect
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from pipelines.cli import cluster, lineage_export, parameters, results, run
from pipelines.cli.app import app
from pipelines.cli.start import SPIN_COUNT, main
from pipelines.engines.request import ENGINES
from pipelines.engines.run import _engine
from pipelines.kubeflow import COMPILED
from pipelines.lineage.exports.export import FORMATS
from pipelines.parameters import profile_names, render, resolve
from pipelines.steps import PIPELINES

ROOT = Path(__file__).parents[2]
HEAVY = "torch lightning diffusers transformers mlflow great_expectations kfp dvc faiss pandas pyarrow numpy matplotlib"


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def objectmate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> Iterator[Callable[..., Ended]]:
    """Runs the command in this process, in an empty folder, on a machine without a GPU."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["objectmate", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return Ended(int(ended.value.code or 0), *capfd.readouterr())

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_help_imports_nothing_heavy():
    code = f"import sys, pipelines.cli.app; print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert imported.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("variable", "own", "found"),
    [("GOMP_SPINCOUNT", "", SPIN_COUNT), ("GOMP_SPINCOUNT", "7", "7"), ("OMP_WAIT_POLICY", "active", None)],
)
def test_waiting_threads_stop_spinning_early_unless_the_user_decides(objectmate, monkeypatch, variable, own, found):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    if own:
        monkeypatch.setenv(variable, own)
    assert objectmate("--version").code == 0
    assert os.environ.get("GOMP_SPINCOUNT") == found


def test_the_images_say_the_same_of_waiting_threads():
    assert f" GOMP_SPINCOUNT={SPIN_COUNT}\n" in (ROOT / "infra/images/Dockerfile").read_text()


@pytest.mark.parametrize(
    ("command", "parameter", "choices"),
    [
        (run.run, "pipeline", PIPELINES),
        (run.run, "profile", profile_names()),
        (run.run, "engine", ENGINES),
        (parameters.params, "profile", profile_names()),
        (results.compare, "pipeline", PIPELINES),
        (cluster._submission, "pipeline", COMPILED),
        (lineage_export.export_command, "formats", FORMATS),
    ],
)
def test_help_lists_every_choice(command: Callable[..., None], parameter: str, choices: Iterable[str]) -> None:
    told = inspect.signature(command).parameters[parameter].annotation.__metadata__[0].help
    listed = re.sub(r" \(.*?\)|^[\w ]*: |;.*", "", told)
    assert sorted(re.split(", | or ", listed)) == sorted(choices)


def test_every_engine_can_be_started() -> None:
    assert all(callable(_engine(name)) for name in ENGINES)


def test_the_version_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "pipelines.cli.start", "--version"], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"objectmate {version('objectmate')}\n")


@pytest.mark.parametrize("command", get_command(app).list_commands(None))
def test_every_command_has_help(command, objectmate):
    done = objectmate(command, "--help")
    assert done.code == 0 and "Usage: " in done.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["run", "everything"], "there is no pipeline 'everything'"),
        (["run", "--engine", "cloud"], "there is no engine 'cloud'"),
        (["run", "--profile", "huge", "--workspace", "w"], "there is no profile 'huge'"),
        (["run", "--images", "nowhere"], "there is no nowhere"),
        (["run", "--images", str(ROOT / "LICENSE")], f"--images {ROOT / 'LICENSE'} is a file"),
        (["run", "--labels", str(ROOT)], f"--labels {ROOT} is a folder"),
        (["run", "--profile", "open"], "models.detector = ustc-community/dfine-large-obj365; "),
        (["models", "fetch", "folder"], "models.lock holds no models: write it with `objectmate models lock"),
        (["models", "verify"], "models.lock holds no models"),
        (["models", "list"], "models.lock holds no models"),
        (["models", "upgrade", "owner/name"], "models.lock does not hold owner/name"),
        (["models", "lock", "--profile", "huge"], "there is no profile 'huge'"),
        (["models", "lock"], "HF_HUB_OFFLINE is set, so the hub is not asked for LetsThink/RORem"),
        (["run", "--set", "mining.low"], "write section.key=value"),
        (["run", "--set", "mining.low=0.9", "--workspace", "."], "--workspace . is the current folder"),
        (["run", "--set", "mining.min_views=2", "--set", "mining.min_views=7"], "mining.min_views is given twice"),
        (["run", "--set", "mining.low=[1"], "--set: the value of mining.low is not valid YAML"),
        (["run", "--set", "ingest.images.x=1"], "has a value where a section should be"),
        (["run", "--set", "gates=3"], "has a value where a section should be"),
        (["run", "--set", "mining.low=0.99", "--set", "mining.high=0.9", "--workspace", "w"], "mining"),
        (["compile", "full.yaml"], "full.yaml is already compiled: add --check"),
        (["submit", "--host", "cluster"], "cluster is not the address of a Kubeflow Pipelines API"),
        (["find", "nothing.jpg"], "the photograph nothing.jpg cannot be read"),
        (["find", str(ROOT / "LICENSE")], "LICENSE is not a usable photograph"),
        (["find", "nothing.jpg", "--box", "1,2,3"], "the box '1,2,3' cannot be read: write x,y,w,h"),
        (["find", str(ROOT / "pipelines/report/example.png")], "data/images holds no finished dataset"),
        (["label", "nowhere"], "there is no nowhere/params.yaml"),
        (["stage", "mending"], "there is no stage 'mending'"),
        (["stage", "mining"], "there is no params.yaml: go to a folder that has one"),
        (["benchmark", "export", "inputs"], "there is no params.yaml"),
        (["sandbox", "train"], "objectmate sandbox render pretrain"),
        (["sandbox", "train", "--device", "cuda"], "device = cuda, but this machine has no usable GPU"),
        (["sandbox", "render", "moon"], "there is no split 'moon'"),
        (["bench", "mining", "--peers", "abacus"], "there is no peer 'abacus'"),
        (["bench", "mining", "--plot", "seconds.svg"], "--plot seconds.svg must end in .png"),
        (["bench", "gates", "--plot", "gates.svg"], "--plot gates.svg must end in .png"),
        (["bench", "mining", "--json", "nowhere/rows.json"], "there is no folder nowhere"),
        (["plan", "--objects", "nan", "--dim", "64"], "--objects nan is not a number of objects"),
        (["plan", "--objects", "1e6", "--dim", "64", "--device", "abacus"], "there is no device 'abacus'"),
    ],
)
def test_mistakes_are_one_sentence(words, sentence, tmp_path, objectmate):
    done = objectmate(*words)
    assert done.code == 2, done.err
    assert sentence in done.err
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing is made before everything is checked"


def test_a_mistake_ends_the_process_with_code_2(tmp_path):
    command = [sys.executable, "-m", "pipelines.cli.start", "run", "everything"]
    own = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, env=own)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (2, 1, "")


def test_the_benchmarks_inputs_are_exported(tmp_path, monkeypatch):
    (tmp_path / "params.yaml").write_text(render(resolve("sandbox", {"evaluation.limit": 2})))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["benchmark", "export", "inputs"])
    assert done.exit_code == 0 and "4 samples below inputs" in done.output
    assert [len(list((tmp_path / "inputs" / task).iterdir())) for task in ("insertion", "generation")] == [2, 2]


def test_empty_folder_of_photographs_is_one_sentence(tmp_path, objectmate):
    (tmp_path / "empty").mkdir()
    (tmp_path / "params.yaml").write_text(render(resolve("sandbox", {"ingest.images": "empty", "ingest.labels": ""})))
    done = objectmate("stage", "ingest")
    assert done.code == 2 and "empty" in done.err and "Traceback" not in done.err
