"""A workspace belongs to one run: other photographs, labels, profiles or settings never share its folder."""

from pathlib import Path

import pytest
import yaml

from components.common.errors import UserError
from pipelines.engines.prepare import check_run
from pipelines.engines.request import Request

LABELLED = {"images": "a/photos", "labels": "labels.csv"}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with two collections of the same name, and labels."""
    monkeypatch.chdir(tmp_path)
    for folder in ("a/photos", "b/photos"):
        Path(folder).mkdir(parents=True)
    for name in ("labels.csv", "other.csv"):
        Path(name).write_text("path,subject\n")
    return tmp_path


def test_every_difference_has_its_own_folder() -> None:
    requests = [
        Request("full", images="a/photos"),
        Request("full", images="b/photos"),
        Request("full", **LABELLED),
        Request("full", images="a/photos", labels="other.csv"),
        Request("full", **LABELLED, overrides=["mining.min_views=2"]),
        Request("full", **LABELLED, overrides=["mining.min_views=7"]),
        Request("full", **LABELLED, continue_past_gates=True),
        Request("full", **LABELLED, engine="kfp"),
        Request("full", overrides=["mining.min_views=2"]),
        Request("full", engine="kfp"),
        Request("full", engine="docker"),
        # What differs may be beyond the words that fit into a name.
        Request("full", overrides=[f"models.captioner={'x' * 60}/1"]),
        Request("full", overrides=[f"models.captioner={'x' * 60}/2"]),
        Request("full", images="x" * 60),
        Request("full", images="x" * 60, profile="open"),
        Request("full", images="x" * 60, profile="paper"),
        Request("full", images="x" * 60, continue_past_gates=True),
    ]
    assert len({request.folder for request in requests}) == len(requests)
    assert all(request.folder.parent == Path("runs") for request in requests)


def test_one_run_has_one_folder_however_it_is_written(home: Path) -> None:
    settings = ["mining.min_views=2", "evaluation.steps=8"]
    plain = Request("full", images="a/photos", overrides=settings)
    assert plain.folder.name.startswith("photos-mining.min_views-2-evaluation.steps-8-")
    again = Request("dataset", images=f"{home}/b/../a/photos/", overrides=settings[::-1])
    assert again.identity(again.folder) == plain.identity(plain.folder)
    assert again.folder.name.rpartition("-")[2] == plain.folder.name.rpartition("-")[2]


def test_a_named_workspace_is_refused_to_any_other_run() -> None:
    def write(**options: object) -> None:
        check_run(Request("dataset", workspace=Path("ws"), **options)).write()

    write(**LABELLED, overrides=["mining.min_views=2"])
    owner = yaml.safe_load(Path("ws/run.yaml").read_text())
    assert (owner["images"], owner["labels"], owner["profile"]) == ("../a/photos", "../labels.csv", "sandbox")
    assert owner["settings"]["mining.min_views"] == 2
    before = Path("ws/params.yaml").read_bytes()
    write(**LABELLED, overrides=["mining.min_views=2"])
    for options, difference in (
        ({"images": "b/photos", "labels": "labels.csv"}, "images: ../a/photos, not ../b/photos"),
        ({"images": "a/photos"}, "labels: ../labels.csv, not none; mining.min_views: 2, not default"),
        (LABELLED | {"overrides": ["mining.min_views=7"]}, "mining.min_views: 2, not 7"),
    ):
        with pytest.raises(UserError, match="ws belongs to another run") as caught:
            write(**options)
        assert difference in str(caught.value)
    assert Path("ws/params.yaml").read_bytes() == before


def test_a_folder_of_unknown_origin_is_refused() -> None:
    Path("ws").mkdir()
    Path("ws/params.yaml").write_text("mining: {}\n")
    with pytest.raises(UserError, match=r"ws has a params.yaml but no run.yaml"):
        check_run(Request("dataset", workspace=Path("ws")))


@pytest.mark.parametrize(
    "options", [{"overrides": ["evaluation.steps=8"]}, {"images": "a/photos"}, {"continue_past_gates": True}]
)
def test_the_current_folders_parameters_are_never_rewritten(options: dict[str, object], home: Path) -> None:
    Path("params.yaml").write_text("mining: {}\n")
    for here in (Path(), home, Path("a/..")):
        with pytest.raises(UserError, match="is the current folder, whose settings are in its params"):
            check_run(Request("dataset", workspace=here, **options))
    assert Path("params.yaml").read_text() == "mining: {}\n"


def test_paths_given_by_set_are_seen_from_the_current_folder(home: Path) -> None:
    for name in ("verdicts.csv", "classes.csv"):
        Path(name).write_text("")
    Path("theirs").mkdir()
    settings = [
        "gates.verdicts=verdicts.csv",
        f"detection.class_names={home}/classes.csv",
        "detection.annotations=s3://bucket/boxes.json",
        "evaluation.outside={a: theirs}",
    ]
    request = Request("full", images="a/photos", overrides=settings)
    check_run(request)
    assert (
        request.identity(request.folder).settings.items()
        >= {
            "gates.verdicts": "../../verdicts.csv",
            "detection.class_names": "../../classes.csv",
            "detection.annotations": "s3://bucket/boxes.json",
            "evaluation.outside": {"a": "../../theirs"},
        }.items()
    )


def test_a_path_given_by_set_must_lead_somewhere() -> None:
    with pytest.raises(UserError, match=r"^--set gates\.verdicts: there is no nowhere\.csv: correct the path$"):
        check_run(Request("full", images="a/photos", overrides=["gates.verdicts=nowhere.csv"]))
