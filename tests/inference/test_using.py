"""The commands: one picture or a table, what is kept, what is refused, and what a stop leaves."""

import shutil
from pathlib import Path

import pytest
from PIL import Image

from components.common.data.digests import digest_file
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import StageFailed, UserError
from components.common.stage.params import StageParams
from components.common.vision.origin import origin_of
from components.inference.jobs import make, read_jobs, settle
from components.inference.locating import find_model
from components.inference.model import TrainedModel
from components.inference.sources import Reference
from components.lineage import ask
from pipelines.cli.drawing import Asked, generate_pictures, insert_pictures
from pipelines.engines.stopping import Stopped
from tests.inference.scene_data import encoded, ramp
from tests.lineage.lineage_data import write_run

MODEL = "sandbox:base_insertion"
SETTINGS = {"steps": 1, "guidance": 1.0, "context": 1.7, "margin": 0.0}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inserting: TrainedModel, generating: TrainedModel) -> Path:
    """A folder with a scene and a reference to work in; the models are loaded once for all tests."""
    monkeypatch.chdir(tmp_path)
    ramp().save("scene.png")
    ramp(40, 40).save("mug.png")
    loaded = {model.found.digest: model for model in (inserting, generating)}
    monkeypatch.setattr(TrainedModel, "of", classmethod(lambda cls, found, device: loaded[found.digest]))
    return tmp_path


def asked(task: str = "insertion", table: str = "", out: str = "", model: str = MODEL, **settings) -> Asked:
    return Asked(
        task, Path(out) if out else None, Path(table) if table else None, model, [0], SETTINGS | settings, "cpu"
    )


def insert(scene: str = "scene.png", box: str = "20,12,25,30", references=("mug.png",), **options) -> None:
    insert_pictures(asked(**options), Path(scene), box, references)


def table(*rows: str, header: str = "scene;x;y;w;h;reference1;seed;out") -> Path:
    Path("list.csv").write_text("\n".join([header, *rows]) + "\n")
    return Path("list.csv")


def test_a_picture_is_made_once_and_again_with_other_settings(capsys: pytest.CaptureFixture) -> None:
    insert()
    first = Path("inserted.png").read_bytes()
    assert "inserted.png\n" in capsys.readouterr().out
    insert()
    assert "exists already, made from the same inputs" in capsys.readouterr().out
    insert(steps=2)
    assert origin_of(Path("inserted.png").read_bytes()).steps == 2
    assert Path("inserted.png").read_bytes() != first


def test_a_scene_is_not_overwritten() -> None:
    insert()
    with pytest.raises(UserError, match="the scene itself"):
        insert(scene="inserted.png", out="inserted.png")


def test_a_reference_may_name_its_box(capsys: pytest.CaptureFixture) -> None:
    insert(references=["mug.png#xywh=2,3,20,20"])
    assert origin_of(Path("inserted.png").read_bytes()).boxes == ("2,3,20,20",)
    assert "taken whole" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scene": "none.png"}, "none.png cannot be read"),
        ({"scene": "/dev/zero"}, "/dev/zero cannot be read .it is not a regular file"),
        ({"out": f"{'x' * 300}.png"}, "cannot be used .File name too long"),
        ({"out": "mug.png/under.png"}, "cannot be used .*: name another file"),
        ({"references": ["none.png"]}, "none.png cannot be read"),
        ({"references": []}, "0 references"),
        ({"references": ["mug.png#xywh=1,2"]}, "the box '1,2'"),
        ({"box": "1,2,3"}, "the box '1,2,3'"),
        ({"box": "0,0,500,5"}, "97 x 61 px"),
        ({"box": ""}, "--box"),
        ({"out": "mug.png"}, "not a picture that was made here"),
        ({"out": "mug.bmp"}, "does not say which format"),
        ({"model": "sandbox:base_generation"}, "was trained for generation"),
        ({"model": "nowhere"}, "no model folder"),
        ({"model": "owner/name"}, "name a folder"),
        ({"table": "list.csv"}, "--batch takes its pictures"),
        ({"steps": 0}, "steps is 0"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(options: dict, words: str) -> None:
    with pytest.raises(UserError, match=words):
        insert(**options)
    assert not Path("inserted.png").exists()


def test_bad_rows_of_a_table_are_reported_and_the_others_made(folder: Path, capsys: pytest.CaptureFixture) -> None:
    Path("broken.png").write_bytes(encoded(ramp(), "PNG")[:200])
    listed = table(
        "scene.png;20;12;25;30;mug.png;5;a.png",
        "broken.png;20;12;25;30;mug.png;;b.png",
        "scene.png;20;twelve;25;30;mug.png;;c.png",
        "scene.png;20;12;25;30;;;d.png",
        "scene.png;20;12;25;30;mug.png;;a.png",
        "scene.png;20;12;25;30;mug.png;;../e.png",
        "scene.png;90;12;25;30;mug.png;;f.png",
        "scene.png;0;0;25;30;mug.png",
        "scene.png;0;0;25;30;mug.png;1;g.png;more",
        f"scene.png;0;0;25;30;mug.png;1;{'x' * 300}.png",
        "scene.png;0;0;25;30;mug.png;1;a.png/under.png",
    )
    for _ in range(2):
        with pytest.raises(UserError, match="9 of 11 pictures could not be made"):
            insert_pictures(asked(table=str(listed), out="made"), None, "", [])
        said = capsys.readouterr()
        reasons = dict(line.split(": ", 1) for line in said.err.splitlines() if line.startswith("line "))
        assert sorted(int(line.split()[1]) for line in reasons) == [3, 4, 5, 6, 7, 8, 10, 11, 12]
        assert "its y is 'twelve'" in reasons["line 4"] and "same 'out' as line 2" in reasons["line 6"]
    assert said.out.count("exists already") == 2
    assert sorted(path.name for path in Path("made").iterdir()) == ["9-scene.png", "a.png"]
    assert origin_of(Path("made/a.png").read_bytes()).seed == 5


def test_a_table_of_prompts_has_its_own_settings() -> None:
    listed = table("a mug, red;mug.png;2;7", header="prompt;reference1;steps;seed")
    settings = {"steps": 1, "guidance": 1.0, "guidance_text": 1.0}
    request = Asked("generation", Path("made"), listed, "sandbox:base_generation", [0, 1], settings, "cpu")
    generate_pictures(request, "", [])
    origin = origin_of(Path("made/2-picture.png").read_bytes())
    assert (origin.prompt, origin.steps, origin.seed) == ("a mug, red", 2, 7)


def test_a_stop_leaves_whole_pictures_and_the_rest_is_made_later(inserting: TrainedModel) -> None:
    rows = [f"scene.png;{x};12;25;30;mug.png;;{x}.png" for x in (0, 10, 20)]
    jobs = read_jobs(table(*rows), "insertion", Path("made"), [0], {"steps": 2, "guidance": 1.0})
    steps = iter(range(3))

    def stop_in_the_second() -> None:
        if next(steps, None) is None:
            raise Stopped(2)

    with pytest.raises(Stopped):
        list(make(inserting, jobs, stop_in_the_second))
    assert [path.name for path in Path("made").iterdir()] == ["0.png"]
    pending, settled = settle(jobs, inserting.found)
    assert [job.out.name for job in pending] == ["10.png", "20.png"]
    assert [outcome.state for outcome in settled] == ["kept"]


def trained_model(data: Path) -> Dataset:
    """The base model, as a training leaves its own."""
    model, pipeline = data / "model_insertion", find_model(MODEL).pipeline
    files = {path.relative_to(pipeline): path for path in sorted(pipeline.rglob("*")) if path.is_file()}
    rows = [{"path": f"pipeline/{name}", "bytes": 1, "sha256": digest_file(path)} for name, path in files.items()]
    with Writer(model, "model", "train_insertion", {"latents": data / "latents"}, StageParams()) as out:
        out.write(0, rows)
    shutil.copytree(pipeline, model / "pipeline")
    return Dataset(model)


def test_a_trained_model_is_named_by_its_dataset_and_by_the_registry(folder: Path, monkeypatch) -> None:
    import mlflow

    write_run(folder / "data", photographs=4)
    dataset = trained_model(folder / "data")
    found = find_model("data/model_insertion")
    assert (found.digest, found.trained_on) == (dataset.digest, dataset.manifest.inputs["latents"])

    with pytest.raises(UserError, match=r"no mlflow\.db here"):
        find_model("models:/mugs/1")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a database takes ten seconds to make
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (folder / "mlruns").as_uri())
    client = mlflow.MlflowClient((folder / "mlruns").as_uri())
    client.create_registered_model("mugs")
    shutil.copytree(folder / "data/model_insertion", folder / "promoted/model")  # as `objectmate promote` keeps it
    tags = {"model": dataset.digest}
    version = client.create_model_version("mugs", (folder / "promoted").as_uri(), tags=tags).version
    client.set_registered_model_alias("mugs", "champion", version)
    for name in (f"models:/mugs/{version}", "models:/mugs@champion"):
        registered = find_model(name)
        assert registered.name == f"models:/mugs/{version}" and registered[2:] == found[2:]
    with pytest.raises(UserError, match="cannot be fetched from MLflow's registry"):
        find_model("models:/mugs/9")
    shutil.copytree(find_model(MODEL).pipeline, folder / "promoted/pipeline")
    assert find_model("models:/mugs@champion").pipeline == registered.pipeline, "the one that was promoted"
    client.set_model_version_tag("mugs", version, "model", "0" * 64)
    with pytest.raises(StageFailed, match="is tagged as model 000000000000, but its files are"):
        find_model("models:/mugs@champion")
    (folder / "promoted/model/pipeline/model_index.json").write_text('{"_class_name": "GridPipeline"}')
    with pytest.raises(StageFailed, match=r"model_index\.json: expected .*damaged on its way"):
        find_model("models:/mugs@champion")


def test_a_registry_that_is_away_is_one_sentence_without_its_password(monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://someone:hunter2@127.0.0.1:9")
    with pytest.raises(UserError, match="cannot be fetched from MLflow's registry") as refused:
        find_model("models:/mugs@champion")
    assert "hunter2" not in str(refused.value)


def test_lineage_names_what_a_picture_was_made_from(folder: Path, inserting: TrainedModel, monkeypatch) -> None:
    write_run(folder / "data", photographs=4)
    images, latents = Dataset(folder / "data/images"), Dataset(folder / "data/latents")
    row = images.rows()[2]
    Path("scene.png").write_bytes(images.blob(row, "image"))
    model = Dataset(folder / "data/model_insertion")
    found = inserting.found._replace(digest=model.digest, trained_on=latents.digest)
    made = TrainedModel(inserting.pipeline, found).insert("scene.png", (2, 3, 9, 9), ["mug.png"], steps=1, seed=4)
    made.save("out.png")

    shown = ask.view(folder / "data", "out.png")
    by_relation = {node.relation: node for node in shown.walk()}
    assert shown.says["seed"] == 4 and shown.says["box"] == "2,3,9,9"
    assert (by_relation["model"].dataset, by_relation["model"].key) == ("model_insertion", model.digest)
    assert by_relation["latents"].key == latents.digest and "tuples" in by_relation
    assert (by_relation["scene"].dataset, by_relation["scene"].key) == ("images", row["image_id"])
    assert by_relation["reference 1"].key == made.origin.references[0]
    followed = {node.dataset for node in ask.sources(folder / "data", "out.png").walk()}
    assert {"model_insertion", "tuples", "sets", "objects", "images"} <= followed


def test_lineage_says_which_model_it_does_not_have(folder: Path, inserting: TrainedModel) -> None:
    write_run(folder / "data", photographs=4)
    inserting.insert(Image.open("scene.png"), (2, 3, 9, 9), [Reference("mug.png")], steps=1).save("out.jpg")
    model, *_ = ask.view(folder / "data", "out.jpg").below
    assert model.key == inserting.found.digest and "no dataset of this run" in model.says["missing"]
    assert model.says["name"] == MODEL
