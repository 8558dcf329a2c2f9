"""`models lock`, `upgrade` and `list`: what the lock holds, what it refuses, and what a run makes of it."""

import json
from pathlib import Path

import pytest
import yaml
from hub_server import Hub
from hub_stock import PIPELINE, SINGLE, UNET
from huggingface_hub import constants

from components.common.errors import UserError
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request
from pipelines.models.declared import pinned
from pipelines.models.listing import show
from pipelines.models.lock import FILE, read_lock
from pipelines.models.locking import lock_models, upgrade
from pipelines.parameters import resolve
from pipelines.steps import PIPELINES

JUDGE = "facebook/dinov2-base"
MINER = "facebook/dinov2-large@47b73eefe95e8d44ec3623f8890bd894b6ea2d6c"
INPAINTING = "diffusers/stable-diffusion-xl-1.0-inpainting-0.1"


def lock(said: list[str], *allow: str, **settings: object) -> None:
    lock_models("open", {f"models.{key}": value for key, value in settings.items()}, allow, said.append)


def test_the_lock_holds_what_loading_reads_and_nothing_else(stocked: Hub) -> None:
    lock([])
    models = read_lock().models
    assert len(models) == len(stocked.models)
    assert [*models[JUDGE].files] == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert models[JUDGE].used_by == {"open": ["models.second_ir"]}
    assert not [path for path in stocked.loaded() if path.endswith((".safetensors", ".bin"))]
    base = next(model for name, model in models.items() if name.startswith("stable-diffusion-v1-5"))
    assert base.used_by == {"open": ["models.base_generation", "models.base_insertion"]}
    folders = {name.partition("/")[0] for name in base.files}
    assert folders == {"model_index.json", "scheduler", "text_encoder", "tokenizer", "unet", "vae"}
    assert "text_encoder/model.fp16.safetensors" not in base.files
    assert not [name for name in models[INPAINTING].files if name.startswith("unet/")], "RORem's replaces it"
    assert models[INPAINTING].left_out == ["unet"] and len(models["LetsThink/RORem"].files) == len(UNET)


def test_the_lock_is_sorted_and_the_same_again(stocked: Hub) -> None:
    lock([])
    before = FILE.read_text()
    values = yaml.safe_load(before)
    assert [*values["models"]] == sorted(values["models"])
    assert all([*model["files"]] == sorted(model["files"]) for model in values["models"].values())
    lock([])
    assert FILE.read_text() == before


def test_locks_of_two_profiles_stand_side_by_side(stocked: Hub) -> None:
    lock([], second_ir="owner/judge") if stocked.add("owner/judge", SINGLE) else None
    lock_models("sandbox", {"models.ir": JUDGE}, (), print)
    models = read_lock().models
    assert models[JUDGE].used_by == {"sandbox": ["models.ir"]} and "owner/judge" in models
    said: list[str] = []
    lock(said)
    assert [
        line
        for line in said
        if line.startswith("owner/judge: is removed from the lock, as neither open with these settings")
    ]
    assert read_lock().models[JUDGE].used_by == {"open": ["models.second_ir"], "sandbox": ["models.ir"]}
    assert "owner/judge" not in read_lock().models, "nothing names it any more"


def test_a_moved_branch_is_told_and_not_followed(stocked: Hub) -> None:
    lock([])
    before = FILE.read_text()
    stocked.models[JUDGE].commit({"config.json": b'{"architectures": ["Other"]}'})
    said: list[str] = []
    lock(said)
    assert FILE.read_text() == before
    assert any("the lock keeps" in line and f"`objectmate models upgrade {JUDGE}` takes that" in line for line in said)


def test_an_upgrade_changes_one_model(stocked: Hub) -> None:
    lock([])
    before = read_lock().models
    newer = stocked.models[JUDGE].commit({"config.json": b'{"architectures": ["Other"]}'})
    said: list[str] = []
    upgrade(JUDGE, said.append)
    after = read_lock().models
    assert {name for name in after if after[name] != before[name]} == {JUDGE} and after[JUDGE].commit == newer
    assert "1 file changed" in said[0] and "stages that read models.second_ir" in said[1]
    upgrade(JUDGE, said.append)
    assert "nothing newer" in said[2]
    with pytest.raises(UserError, match=r"models\.ir names .*so its commit is fixed there"):
        upgrade("facebook/dinov2-large", said.append)
    with pytest.raises(UserError, match="does not hold owner/other"):
        upgrade("owner/other", said.append)


def test_an_upgraded_pipeline_still_leaves_out_what_another_model_replaces(stocked: Hub) -> None:
    lock([])
    stocked.models[INPAINTING].commit({"vae/config.json": b"{}"})
    upgrade(INPAINTING, print)
    assert not [name for name in read_lock().models[INPAINTING].files if name.startswith("unet/")]


def test_a_run_takes_the_commits_from_the_lock(stocked: Hub) -> None:
    lock([])
    values = pinned(resolve("open"), PIPELINES["full"], Path("runs/any"))["models"]
    assert values["second_ir"] == f"{JUDGE}@{stocked.models[JUDGE].branches['main']}"
    assert values["ir"] == MINER and all("@" in name for name in values.values())


def test_the_workspace_of_a_run_has_the_commits(stocked: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock([])
    (tmp_path / "shop").mkdir()
    prepared = check_run(Request("full", images="shop", profile="open", overrides=["ingest.licence=CC0-1.0"]))
    assert prepared.values and prepared.values["models"]["second_ir"].startswith(f"{JUDGE}@")
    newer = stocked.models[JUDGE].commit({"config.json": b"{}"})
    upgrade(JUDGE, print)
    again = check_run(Request("full", images="shop", profile="open", overrides=["ingest.licence=CC0-1.0"]))
    assert again.workspace == prepared.workspace and again.values
    changed = {key for key in again.values["models"] if again.values["models"][key] != prepared.values["models"][key]}
    assert changed == {"second_ir"} and again.values["models"]["second_ir"].endswith(newer)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        UserError, match=r"HF_HUB_OFFLINE is set and .*cache has no complete .*`objectmate models fetch DIR`"
    ):
        check_run(Request("full", images="shop", profile="open", overrides=["ingest.licence=CC0-1.0"]))


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"models.clip": "owner/other"}, r"does not hold models\.clip = owner/other: run `objectmate models lock`"),
        ({"models.clip": f"{JUDGE}@{'0' * 40}"}, rf"models\.clip = {JUDGE}@0{{40}}, of which it has [0-9a-f]{{12}}"),
    ],
)
def test_a_drifted_declaration_is_refused(stocked: Hub, setting: dict, sentence: str) -> None:
    lock([])
    with pytest.raises(UserError, match=sentence):
        pinned(resolve("open", setting), PIPELINES["full"], Path())
    pinned(resolve("open", setting), PIPELINES["dataset"], Path())  # no stage of it loads clip


def test_without_a_lock_the_command_repeats_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop").mkdir()
    with pytest.raises(UserError, match=r"there is no models\.lock .*lock --profile open --set models\.clip=a/b`$"):
        check_run(Request("full", images="shop", profile="open", overrides=["models.clip=a/b"]))
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


@pytest.mark.parametrize(
    ("files", "card", "sentence"),
    [
        ({"config.json": b"{}", "pytorch_model.bin": b"x"}, {}, "weights only as a pickle .*pytorch_model.bin"),
        ({"config.json": b"{}", "model.ckpt": b"x"}, {}, "weights only as a pickle .*model.ckpt"),
        ({"config.json": b"{}", "model.fp16.safetensors": b"x"}, {}, "has no weights that its configuration's class"),
        ({"README.md": b""}, {}, "has no weights"),
        (
            SINGLE | {"config.json": b'{"auto_map": {"AutoModel": "m.M"}}'},
            {},
            "its own code .auto_map in config.json",
        ),
        (SINGLE | {"tokenizer_config.json": b'{"auto_map": {}}'}, {}, "auto_map in tokenizer_config.json"),
        (SINGLE | {"config.json": b"[broken"}, {}, "config.json of owner/model is not valid JSON"),
        (SINGLE, {"license": "cc-by-nc-4.0"}, "licence cc-by-nc-4.0, which is not on the list .*--allow cc-by-nc-4.0"),
        (SINGLE, {"license": "other", "license_name": "s-lab"}, "has the licence s-lab"),
        (SINGLE, {"license": ["mit", "gpl-3.0"]}, "has the licence gpl-3.0"),
        (SINGLE, {"license": None}, "names no licence: .*--allow owner/model=LICENCE"),
        (PIPELINE | {"unet/net.py": b"", "model_index.json": b'{"unet": ["net", "N"]}'}, {}, "own code .unet/net.py"),
        (PIPELINE | {"model_index.json": b'{"_class_name": ["pipe", "P"]}'}, {}, "_class_name in model_index.json"),
    ],
)
def test_what_must_not_be_loaded_is_refused_before_a_byte_of_it(
    hub: Hub, files: dict[str, bytes], card: dict, sentence: str
) -> None:
    hub.add("owner/model", files, **card)
    with pytest.raises(UserError, match=sentence):
        lock_models("sandbox", {"models.ir": "owner/model"}, (), print)
    assert not FILE.exists() and not [path for path in hub.loaded() if path.endswith((".safetensors", ".bin", ".ckpt"))]


def test_people_can_allow_a_licence_and_the_lock_keeps_it(hub: Hub) -> None:
    hub.add("owner/model", SINGLE, license="s-lab", base_model="owner/base")
    hub.add("owner/second", SINGLE, license=None)
    lock_models("sandbox", {"models.ir": "owner/model"}, ["s-lab"], print)
    lock_models("sandbox", {"models.ir": "owner/model", "models.dino": "owner/second"}, ["owner/second=mit"], print)
    models = read_lock().models
    assert (models["owner/model"].licence, models["owner/second"].licence) == ("s-lab", "mit")
    assert models["owner/model"].bases == ["owner/base"]
    upgrade("owner/model", print)


def test_weights_in_shards_are_locked_with_their_index(hub: Hub) -> None:
    shards = {f"model-0000{k}-of-00002.safetensors": b"half" for k in (1, 2)}
    hub.add("owner/model", {"config.json": b"{}", "model.safetensors.index.json": b"{}", **shards})
    lock_models("sandbox", {"models.ir": "owner/model"}, (), print)
    assert [*read_lock().models["owner/model"].files] == ["config.json", *shards, "model.safetensors.index.json"]


def test_a_branch_of_a_pull_request_can_be_locked(hub: Hub) -> None:
    repository = hub.add("owner/model", {"config.json": b"{}", "pytorch_model.bin": b"x"})
    converted = repository.commit({"config.json": b"{}", "model.safetensors": b"x"}, branch="refs/pr/3")
    lock_models("sandbox", {"models.ir": "owner/model@refs/pr/3"}, (), print)
    assert read_lock().models["owner/model@refs/pr/3"].commit == converted


@pytest.mark.parametrize(
    "text",
    [
        "models: [",
        "models: {a/b: {commit: main, licence: mit, files: {config.json: {size: 1, sha256: 0}}}}",
        json.dumps({"models": {"a/b": {"commit": "0" * 40, "licence": "mit", "files": {}}}}),
        *(
            json.dumps({"models": {"a/b": {"commit": "0" * 40, "licence": "mit", "files": {
                name: {"size": 1, "sha256": "0" * 64}}}}})
            for name in ("../x.json", "/etc/x.json", "a//b.json", "model.bin", "code.py")
        ),
    ],
)  # fmt: skip
def test_a_damaged_lock_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "models.lock"
    path.write_text(text)
    with pytest.raises(UserError, match=r"models\.lock is damaged .*restore it from git"):
        read_lock(path)


def test_the_list_names_what_uses_a_model(stocked: Hub, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(UserError, match="holds no models"):
        show()
    lock([])
    show()
    assert "models.second_ir" in capsys.readouterr().out
