"""`models fetch` and `verify`: whole files with the locked hashes, or one sentence and nothing in their place."""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path
from threading import Event

import pytest
from hub_server import Hub
from hub_stock import SINGLE
from huggingface_hub import constants, hf_hub_download
from killing import wait_for
from short_run import environment

from components.common.errors import UserError
from components.common.vision.models import at_hand
from pipelines.models.fetch import fetch
from pipelines.models.hub import ATTEMPTS
from pipelines.models.listing import verified
from pipelines.models.lock import read_lock
from pipelines.models.locking import lock_models, upgrade

MODEL, FOLDER = "owner/model", Path("folder")
WEIGHTS = SINGLE["model.safetensors"]


@pytest.fixture
def locked(hub: Hub) -> Hub:
    """A hub with one model, which is locked; nothing of it has been asked for yet."""
    hub.add(MODEL, SINGLE)
    lock_models("sandbox", {"models.ir": MODEL}, (), lambda line: None)
    hub.asked.clear()
    return hub


def place(hub: Hub, model: str = MODEL) -> Path:
    return FOLDER / f"models--{model.replace('/', '--')}" / "snapshots" / hub.models[model].branches["main"]


def parts() -> dict[str, int]:
    """Name -> bytes of the files that are not whole."""
    return {path.name: path.stat().st_size for path in FOLDER.rglob("*.part")}


def test_a_folder_has_plain_files_where_the_hubs_library_looks_for_them(stocked: Hub) -> None:
    lock_models("open", {}, (), print)
    said: list[str] = []
    fetch(FOLDER, said.append)
    assert said[-1] == f"export HF_HUB_CACHE={FOLDER.resolve()} HF_HUB_OFFLINE=1"
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert len(files) == sum(len(model.files) for model in read_lock().snapshots().values())
    assert not [path for path in FOLDER.rglob("*") if path.is_symlink() or "fetching/" in str(path)]
    for (model, commit), locked in read_lock().snapshots().items():
        for name in locked.files:
            assert hf_hub_download(model, name, revision=commit, cache_dir=FOLDER, local_files_only=True)
    assert verified(FOLDER, said.append)


def test_a_fetched_model_is_loaded_as_a_folder_where_no_hub_may_be_asked(
    locked: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch(FOLDER, print)
    commit = locked.models[MODEL].branches["main"]
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(FOLDER))
    assert at_hand(MODEL, commit) == MODEL
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert Path(at_hand(MODEL, commit)) == place(locked)
    assert at_hand(MODEL, "0" * 40) == MODEL and at_hand("folder", None) == "folder"


def test_what_is_whole_is_not_loaded_again_and_what_is_damaged_is_mended(locked: Hub) -> None:
    fetch(FOLDER, print)
    assert len(locked.loaded()) == len(read_lock().models[MODEL].files) + 1  # the weights are behind a redirect
    locked.asked.clear()
    fetch(FOLDER, print)
    assert not locked.asked
    (place(locked) / "model.safetensors").write_bytes(b"x" * len(WEIGHTS))
    (place(locked) / "config.json").unlink()
    said: list[str] = []
    assert not verified(FOLDER, said.append)
    assert "config.json: it is missing" in said[0] and "model.safetensors: its sha256 is" in said[1]
    assert said[2] == f"{FOLDER}: 1 of 3 files as locked: fetch them again"
    kept = (place(locked) / "preprocessor_config.json").stat().st_ino
    fetch(FOLDER, print)
    assert verified(FOLDER, print) and (place(locked) / "preprocessor_config.json").stat().st_ino == kept
    assert not [path for path in locked.loaded() if path.endswith("preprocessor_config.json")]


def test_a_cache_of_links_is_filled_without_breaking_them(locked: Hub) -> None:
    blob = FOLDER / "models--owner--model" / "blobs" / "abc"
    blob.parent.mkdir(parents=True)
    blob.write_bytes(SINGLE["config.json"])
    place(locked).mkdir(parents=True)
    (place(locked) / "config.json").symlink_to(Path("../../blobs/abc"))
    fetch(FOLDER, print)
    assert verified(FOLDER, print) and not [path for path in locked.loaded() if path.endswith("config.json")][1:]


def test_a_cut_download_goes_on_where_it_stopped(locked: Hub) -> None:
    locked.fails("/cdn/", cut=300, times=2)
    fetch(FOLDER, print)
    ranges = [wanted for method, path, wanted, _ in locked.asked if path.startswith("/cdn/")]
    assert ranges == ["", "bytes=300-", "bytes=600-"] and verified(FOLDER, print)


def test_a_download_that_is_always_cut_leaves_nothing_in_its_place_and_goes_on_next_time(locked: Hub) -> None:
    locked.fails("/cdn/", cut=100, times=1)
    locked.fails("/cdn/", cut=0)
    with pytest.raises(UserError, match=r"cannot be reached for model\.safetensors of owner/model|was cut off at"):
        fetch(FOLDER, print)
    assert not place(locked).exists() and parts() == {"model.safetensors.part": 100}
    locked.faults.clear()
    locked.asked.clear()
    fetch(FOLDER, print)
    assert [wanted for _, path, wanted, _ in locked.asked if path.startswith("/cdn/")] == ["bytes=100-"]
    assert verified(FOLDER, print) and not parts()


def test_a_killed_fetch_goes_on_next_time(hub: Hub, tmp_path: Path) -> None:
    written = 10 << 20  # bytes, as the library writes them
    hub.add(MODEL, SINGLE | {"model.safetensors": bytes(written + (2 << 20))})
    lock_models("sandbox", {"models.ir": MODEL}, (), print)
    hub.fails("/cdn/", cut=written + (1 << 20), times=1)
    hub.fails("/cdn/", status=429, headers={"Retry-After": "300"})
    own = {"HF_ENDPOINT": hub.address, "HF_HUB_OFFLINE": "0"}
    command = [sys.executable, "-m", "pipelines.cli.start", "models", "fetch", str(FOLDER)]
    running = subprocess.Popen(command, cwd=tmp_path, env=environment() | own, stdout=subprocess.DEVNULL)
    pause = Event()  # the clock's own sleep is switched off here
    wait_for(lambda: pause.wait(0.05) or any(path.startswith("/cdn/") and wanted for _, path, wanted, _ in hub.asked))
    running.kill()
    running.wait()
    assert parts() == {"model.safetensors.part": written} and not place(hub).exists()
    hub.faults.clear()
    fetch(FOLDER, print)
    assert verified(FOLDER, print)


def test_a_wrong_hash_is_refused_and_nothing_of_it_stays(locked: Hub) -> None:
    locked.fails("/cdn/", flipped=True)
    with pytest.raises(UserError, match=r"model\.safetensors of owner/model is not what was locked: its sha256 is"):
        fetch(FOLDER, print)
    assert not place(locked).exists() and not parts() and not verified(FOLDER, print)
    locked.faults.clear()
    fetch(FOLDER, print)
    assert verified(FOLDER, print)


def test_a_file_of_another_size_is_refused(locked: Hub) -> None:
    locked.models[MODEL].commits[locked.models[MODEL].branches["main"]]["config.json"] += b" "
    with pytest.raises(UserError, match=r"config\.json of owner/model"):
        fetch(FOLDER, print)
    assert not place(locked).exists()


def test_a_busy_hub_is_asked_again_after_the_time_it_names(locked: Hub) -> None:
    locked.fails("/resolve/", status=429, headers={"Retry-After": "7"}, times=1)
    locked.fails("/cdn/", status=503, times=2)
    fetch(FOLDER, print)
    assert verified(FOLDER, print) and max(locked.waits) >= 7


def test_a_model_that_was_whole_stays_so_when_another_fails(locked: Hub) -> None:
    locked.add("owner/second", SINGLE | {"model.safetensors": b"other"})
    lock_models("sandbox", {"models.ir": MODEL, "models.dino": "owner/second"}, (), print)
    locked.fails("owner/second/resolve", status=404, code="EntryNotFound")
    with pytest.raises(UserError, match=r"the hub has no .* of owner/second .404., which models.lock names"):
        fetch(FOLDER, print)
    assert (place(locked) / "model.safetensors").read_bytes() == WEIGHTS
    assert not place(locked, "owner/second").exists()


def test_a_rewritten_history_is_told(locked: Hub) -> None:
    repository = locked.models[MODEL]
    repository.commits.clear()
    newer = repository.commit(SINGLE)
    repository.branches["main"] = newer[::-1]
    repository.commits[newer[::-1]] = repository.commits.pop(newer)
    with pytest.raises(UserError, match=rf"the hub has no commit .* its history was rewritten: .*upgrade {MODEL}`"):
        fetch(FOLDER, print)
    upgrade(MODEL, print)
    fetch(FOLDER, print)
    assert verified(FOLDER, print)


def test_a_token_is_not_sent_to_where_files_are_stored(locked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(FOLDER, print)
    tokens = {path.startswith("/cdn/"): token for _, path, _, token in locked.asked}
    assert tokens == {True: "", False: "Bearer hf_secret"}


def test_only_one_fetch_at_a_time_and_only_where_there_is_room(locked: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    FOLDER.mkdir()
    with (FOLDER / ".fetching.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="another `objectmate models fetch` is running"):
            fetch(FOLDER, print)
    usage = shutil.disk_usage(FOLDER)._replace(free=10)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: usage)
    with pytest.raises(UserError, match=r"folder has 0\.0 MB free, but 0\.0 MB are to be fetched"):
        fetch(FOLDER, print)
    assert not locked.loaded()


def test_without_a_lock_there_is_nothing_to_fetch(hub: Hub) -> None:
    with pytest.raises(UserError, match=r"models\.lock holds no models"):
        fetch(FOLDER, print)
    with pytest.raises(UserError, match=r"models\.lock holds no models"):
        verified(FOLDER, print)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 401, "code": "RepoNotFound"}, "the hub shows no model owner/model without a token"),
        ({"status": 404, "code": "RepoNotFound"}, r"the hub has no model owner/model \(404\): correct the name"),
        ({"status": 403, "code": "GatedRepo"}, r"owner/model is gated \(403\): accept its terms at http.*/owner/model"),
        ({"status": 403}, r"does not let this token read owner/model at main \(403\): set HF_TOKEN"),
        ({"status": 404, "code": "RevisionNotFound"}, r"the hub has no revision main of owner/model \(404\)"),
        ({"status": 429}, rf"slow down \(429\), in {ATTEMPTS} tries for owner/model"),
        ({"status": 502}, rf"the hub answers 502 for owner/model at main, in {ATTEMPTS} tries"),
        ({"status": 418}, r"the hub refuses owner/model at main \(418"),
        ({"cut": 5}, "cannot be reached for owner/model at main"),
    ],
)
def test_each_failure_of_a_look_up_is_one_sentence(hub: Hub, fault: dict, sentence: str) -> None:
    hub.add(MODEL, SINGLE)
    hub.fails("/api/models/owner/model", **fault)
    with pytest.raises(UserError, match=sentence) as caught:
        lock_models("sandbox", {"models.ir": f"{MODEL}@main"}, (), print)
    assert "\n" not in str(caught.value)
    retried = fault.get("status", 500) in (429, 500, 502)
    assert len([path for _, path, _, _ in hub.asked if "/api/models" in path]) == (ATTEMPTS if retried else 1)


def test_a_gated_model_is_refused_when_its_first_file_is_read(hub: Hub) -> None:
    hub.add(MODEL, SINGLE).gated = True
    with pytest.raises(UserError, match="is gated"):
        lock_models("sandbox", {"models.ir": MODEL}, (), print)


def test_a_configuration_that_is_not_the_listed_one_is_refused(hub: Hub) -> None:
    hub.add(MODEL, SINGLE)
    hub.fails("/resolve/", flipped=True)
    with pytest.raises(UserError, match=r"config\.json of owner/model is not the file that the hub lists"):
        lock_models("sandbox", {"models.ir": MODEL}, (), print)


def test_a_hub_that_is_away_or_must_not_be_asked_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match=r"HF_HUB_OFFLINE is set, so the hub is not asked for owner/model"):
        lock_models("sandbox", {"models.ir": MODEL}, (), print)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"the hub at http://127\.0\.0\.1:9 cannot be reached"):
        lock_models("sandbox", {"models.ir": MODEL}, (), print)
