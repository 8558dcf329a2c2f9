"""The profiles `open` and `paper` from end to end, with tiny random models of the hub that they name."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import walking
from hub_models import make
from hub_server import Hub
from short_run import environment, objectmate
from walking import BLIND, DETECTOR, SMALL, fill, make_paper, make_photographs, options

from components.common.data.reading import Dataset
from pipelines.engines.workspace import Workspace
from pipelines.models.lock import read_lock
from pipelines.steps import PIPELINES, STEPS

pytestmark = pytest.mark.pipeline
JUDGE = "facebook/dinov2-base"
OPEN = options(SMALL, BLIND, DETECTOR)
PAPER = options(SMALL, BLIND, {"calibration.low": 0.6})
FOLDER = "fetched"
MADE = ("objects", "sets", "backgrounds", "captions", "tuples", "latents", "scores", "samples")


class Home:
    """A folder with photographs, beside a hub. online, offline: the environments of machines with and without it."""

    def __init__(self, folder: Path, hub: Hub):
        self.folder, self.hub = folder, hub
        self.online = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "hf")}
        self.offline = {
            "HF_ENDPOINT": "http://127.0.0.1:9",
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_CACHE": str(folder / FOLDER),
        }

    def does(self, *words: str, **settings: str) -> str:
        """What `objectmate` prints; it must succeed."""
        done = objectmate(*words, cwd=self.folder, **settings)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def walks(self, pipeline: str, profile: str, workspace: str, *settings: str, **own: str) -> Workspace:
        """A run in one process."""
        self._python(walking.__file__, pipeline, profile, workspace, *settings, **own)
        return Workspace(self.folder / workspace)

    def prepares(self, profile: str, workspace: str, *settings: str) -> None:
        """Writes the workspace of a full run, and runs nothing."""
        code = "from walking import *; check_run(request('full', *sys.argv[1:])).write()"
        self._python("-c", code, profile, workspace, *settings, **self.online)

    def _python(self, *words: str, **own: str) -> None:
        path = f"{environment()['PYTHONPATH']}:{Path(walking.__file__).parent}"
        env = environment() | own | {"PYTHONPATH": path, "TRANSFORMERS_VERBOSITY": "error"}
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A folder in which the models of `open` are locked and fetched, and the profile has run with the hub at hand."""
    folder = tmp_path_factory.mktemp("home")
    make_photographs(folder)
    with Hub() as hub:
        fill(hub)
        home = Home(folder, hub)
        home.does("models", "lock", "--profile", "open", **home.online)
        home.does("models", "fetch", FOLDER, **home.online)
        hub.asked.clear()
        home.walks("full", "open", "runs/open", *OPEN, **home.online)
        yield home


def digests(workspace: Workspace, pipeline: str = "full") -> dict[str, str]:
    names = {name for step in PIPELINES[pipeline] for name in step.outputs.values()}
    return {name: Dataset(workspace.dataset(name)).digest for name in names}


def test_open_makes_every_dataset_with_the_locked_models(home: Home) -> None:
    workspace = Workspace(home.folder / "runs/open")
    for name in MADE:
        assert len(Dataset(workspace.dataset(name))) > 0, name
    made = [Dataset(workspace.dataset(name)) for name in digests(workspace)]
    named = {digest for dataset in made for digest in dataset.manifest.models.values()}
    for model in ("ustc-community/dfine-large-obj365", JUDGE, "florence-community/Florence-2-base"):
        assert f"{model}@{home.hub.models[model].branches['main']}" in named


def test_a_run_loads_exactly_what_is_locked(home: Home) -> None:
    snapshots = read_lock(home.folder / "models.lock").snapshots()
    locked = {f"/{model}/resolve/{commit}/{file}" for (model, commit), held in snapshots.items() for file in held.files}
    assert {path for path in home.hub.loaded() if "/resolve/" in path} <= locked
    files = [file for held in snapshots.values() for file in held.files.items()]
    weights = {f"/cdn/{file.sha256}" for name, file in files if name.endswith(".safetensors")}
    assert {path for path in home.hub.loaded() if path.startswith("/cdn/")} == weights


def test_the_command_takes_the_lock_and_its_stages_the_hub(home: Home) -> None:
    words = [word for setting in (*OPEN, "gates.vectors.min_objects=1000") for word in ("--set", setting)]
    sources = ("--images", "shop", "--labels", "shop/labels.csv", "--profile", "open")
    done = objectmate("run", "full", *sources, *words, cwd=home.folder, **home.online)
    assert done.returncode == 3 and "the number of objects" in done.stdout, done.stdout + done.stderr
    (folder,) = (home.folder / "runs").glob("shop-open-*")
    for name in ("objects", "embeddings"):
        walked = Dataset(Workspace(home.folder / "runs/open").dataset(name))
        assert Dataset(Workspace(folder).dataset(name)).digest == walked.digest


def test_open_gives_the_same_without_a_network(home: Home) -> None:
    assert "as locked" in home.does("models", "verify", FOLDER, **home.offline)
    # Up to the tuples; the run of `paper` trains and evaluates without a network.
    there = home.walks("dataset", "open", "runs/offline", *OPEN, **home.offline)
    assert digests(there, "dataset") == digests(Workspace(home.folder / "runs/open"), "dataset")


def test_paper_runs_to_its_end_without_a_network(home: Home) -> None:
    make_paper(home.folder)
    words = [word for setting in PAPER for word in ("--set", setting)]
    home.does("models", "lock", "--profile", "paper", *words, **home.online)
    there = home.walks("full", "paper", "runs/paper", *PAPER, **home.offline)
    for name in MADE:
        assert len(Dataset(there.dataset(name))) > 0, name
    assert {row["category"] for row in Dataset(there.dataset("objects")).rows()} > {"mug"}


def test_an_upgrade_reruns_only_what_reads_the_model(home: Home) -> None:
    home.does("sync", "runs/open")
    status = [Path(sys.executable).parent / "dvc", "status", "--json"]
    before = subprocess.run(status, cwd=home.folder / "runs/open", capture_output=True, text=True, env=environment())
    assert json.loads(before.stdout) == {}, before.stdout + before.stderr
    home.hub.models[JUDGE].commit(make(JUDGE, seed=1))
    home.does("models", "upgrade", JUDGE, **home.online)
    home.prepares("open", "runs/open", *OPEN)
    after = subprocess.run(status, cwd=home.folder / "runs/open", capture_output=True, text=True, env=environment())
    readers = {step.name for step in STEPS.values() if "second_ir" in step.stage.params.model_fields}
    assert json.loads(after.stdout).keys() == readers == {"removal", "gate_tuples", "evaluation"}, after.stdout
