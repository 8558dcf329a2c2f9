"""`objectmate doctor`: what is there, what is not, and the command that fixes it."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner

from components.common.join import built
from pipelines.cli.app import app
from pipelines.doctor import examine, machine, packages, services
from pipelines.doctor.finding import Finding, State

ROOT = Path(__file__).parents[2]
HEAVY = "lightning diffusers transformers mlflow great_expectations kfp dvc faiss pandas pyarrow numpy matplotlib"


@pytest.fixture(autouse=True)
def machine_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home and folder, no Docker engine, no network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere.sock")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "MLFLOW_RUN_ID", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def hub(status: int, pause: float = 0.0) -> Iterator[str]:
    """The address of a server that answers every HEAD with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            time.sleep(pause)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://user:secret@127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_it_says_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["doctor", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    found = {finding["name"]: finding for finding in told["findings"]}
    assert found["Python"]["says"].startswith(sys.version.split()[0])
    assert found["Docker"]["state"] == found["models.lock"]["state"] == "absent"
    assert str(tmp_path / "nowhere.sock") in found["Docker"]["says"]
    assert (found["model hub"]["state"], found["model hub"]["mend"]) == ("limits you", "unset HF_HUB_OFFLINE")
    assert str(tmp_path / ".cache/huggingface/hub") in found["model cache"]["says"]
    assert {"extra s3", "extra gpu", "extra sandbox", "extra check"} <= found.keys()
    assert told["profile"] and told["why"]
    absent = {finding["name"]: finding["mend"] for finding in told["findings"] if finding["state"] == "absent"}
    assert all(mend for name, mend in absent.items() if name != "GPU")


def test_it_prints_lines_to_paste_from_and_fails_where_nothing_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LEAST_DISK", 1 << 60)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == 1
    assert "absent      workspace" in done.stdout and "fix: free some space, or use another disk" in done.stdout
    assert "limits you  model cache" in done.stdout
    assert "Profile that fits: none: nothing runs until what is absent above is fixed." in done.stdout


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys; from pipelines.doctor.examine import examine; examine(); "
        f"print(sorted(set({HEAVY.split()!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(("status", "state"), [(200, "ok"), (404, "ok"), (503, "absent")])
def test_the_hub_is_asked(status: int, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    with hub(status) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        found = services.hub()
    assert found.state == state and "127.0.0.1" in found.says and "secret" not in found.says
    assert bool(found.mend) == (state != "ok")


def test_a_hub_that_is_gone_silent_or_no_address_does_not_keep_anyone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(services, "SECONDS", 0.3)
    with hub(200, pause=2) as silent:
        for address in (f"http://127.0.0.1:{free_port()}", silent, "no address"):
            monkeypatch.setenv("HF_ENDPOINT", address)
            start = time.monotonic()
            assert services.hub().state == "absent"
            assert time.monotonic() - start < 1.5


def test_an_engine_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for address in (f"tcp://127.0.0.1:{free_port()}", "nonsense"):
        monkeypatch.setenv("DOCKER_HOST", address)
        found = services.docker_engine()
        assert found.state == "absent" and address in found.says and "infra/local/engine.sh" in found.mend


def test_the_kernels_absence_is_told_with_its_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(built, "library", lambda: None)
    found = machine.kernel()
    assert (found.state, found.mend) == ("absent", "install g++, then run `make setup`")
    assert "15 times slower" in found.says and not found.needed


def test_limits_of_a_container_count(tmp_path: Path) -> None:
    own = next(line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::"))
    assert machine.cgroup_cores(tmp_path) is machine.cgroup_memory(tmp_path) is None
    (tmp_path / own.strip("/")).mkdir(parents=True, exist_ok=True)
    (tmp_path / own.strip("/") / "cpu.max").write_text("150000 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert (machine.cgroup_cores(tmp_path), machine.cgroup_memory(tmp_path)) == (1.5, None)
    (tmp_path / "memory.max").write_text(f"{4 << 30}\n")
    assert machine.cgroup_memory(tmp_path) == 4 << 30


def test_packages_and_extras_come_from_what_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "site" / "objectmate-9.dist-info"
    info.mkdir(parents=True)
    lines = [
        "Metadata-Version: 2.4\nName: objectmate\nVersion: 9\nRequires-Python: >=99",
        "Requires-Dist: typer>=0.1\nRequires-Dist: typer>=999\nRequires-Dist: not-there>=1",
        "Provides-Extra: rare\nRequires-Dist: never-made>=2; extra == 'rare'",
        "Provides-Extra: usual\nRequires-Dist: typer; extra == 'usual'",
        "Provides-Extra: all\nRequires-Dist: objectmate[rare,usual]; extra == 'all'",
    ]
    (info / "METADATA").write_text("\n".join(lines) + "\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert packages.packages().says == "not installed as needed: typer>=999, not-there>=1"
    assert machine.python().state == "absent" and ">=99 is needed" in machine.python().says
    states = {finding.name: finding.state for finding in packages.extras()}
    assert states == {"extra rare": "absent", "extra usual": "ok", "extra all": "absent"}
    rare = packages.extras()[0]
    assert "never-made>=2" in rare.says and "[rare]" in rare.mend


def test_records_that_would_surprise_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {finding.name: finding.state for finding in services.records()}["DVC"] == "ok"
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "models.lock").write_text("models: {}\n")
    monkeypatch.setenv("MLFLOW_RUN_ID", "abc")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = {finding.name: finding for finding in services.records()}
    assert (found["MLflow"].state, found["MLflow"].mend) == ("limits you", "unset MLFLOW_RUN_ID")
    assert found["DVC"].mend.startswith("dvc init") and found["git"].state == "absent"
    assert services.model_lock().state == "ok"
    (tmp_path / "models.lock").write_text("models: [")
    assert services.model_lock().state == "limits you" and "models.lock is damaged" in services.model_lock().says
    monkeypatch.delenv("MLFLOW_RUN_ID")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:secret@server:5000")
    assert services.records()[0].says == "runs are recorded at http://server:5000"


@pytest.mark.parametrize(
    ("gpu", "hub_state", "photos", "python", "profile", "because"),
    [
        ("ok", "ok", "ok", "ok", "open", "a GPU and the model hub are available"),
        ("limits you", "ok", "ok", "ok", "open", "a GPU and the model hub are available"),
        ("absent", "ok", "ok", "ok", "photos", "there is no GPU that torch can use"),
        ("ok", "absent", "ok", "ok", "photos", "the model hub does not answer"),
        ("ok", "limits you", "absent", "ok", "sandbox", "the model hub does not answer"),
        ("ok", "ok", "ok", "absent", "", "nothing runs until what is absent above is fixed"),
    ],
)
def test_the_profile_follows_from_what_is_there(
    gpu: State, hub_state: State, photos: State, python: State, profile: str, because: str
) -> None:
    states: dict[str, State] = {"Python": python, "GPU": gpu, "model hub": hub_state, "extra photos": photos}
    findings = [Finding(name, state, "", needed=name == "Python") for name, state in states.items()]
    fits, why = examine.fitting(findings)
    assert fits == profile and because in why
