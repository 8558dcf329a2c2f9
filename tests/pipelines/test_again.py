"""The command that runs again with the answers."""

import shlex
from pathlib import Path

import pytest
from labelling_data import FILE, RUN, rename_verdicts

from pipelines.engines.again import how_to_run_again
from pipelines.engines.identity import Identity
from pipelines.engines.request import Request
from pipelines.engines.workspace import Workspace
from pipelines.labelling.opening import places

OPTIONS = [
    {},
    {"images": "photos"},
    {"images": "s3://bucket/photos", "profile": "open", "overrides": ["seed=1", "ingest.licence=CC-BY 4.0"]},
    {"images": "photos", "labels": "labels.csv", "continue_past_gates": True},
    {"images": "photos", "overrides": ["evaluation.outside={a: theirs}", "detection.source=detector"]},
    {"labels": "labels.csv", "overrides": ["calibration.target=0.7"]},
    {"images": "photos", "overrides": ["gates.verdicts=runs/mugs-1/verdicts.csv"]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("inside", [False, True])
def test_the_command_makes_the_same_run_with_the_answers(
    options: dict, inside: bool, undecided: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = Request("full", **options)
    request.identity(RUN.root).write(RUN)
    monkeypatch.chdir(RUN.root if inside else undecided)
    here = Workspace(Path() if inside else RUN.root)
    said, _, text = how_to_run_again(here, places(here).verdicts).partition("\n")
    assert said.startswith("run again with these answers") and said.endswith(":")
    if inside:
        step, _, text = text.partition(" && ")
        monkeypatch.chdir(step.removeprefix("cd "))
        assert Path().resolve() == undecided
    asked = typed(shlex.split(text))
    wanted = request.identity(RUN.root)
    settings = {**wanted.settings, "gates.verdicts": "verdicts.csv"}
    assert asked.identity(RUN.root) == Identity(wanted.images, wanted.labels, wanted.profile, settings)
    assert (asked.workspace == RUN.root) == ("gates.verdicts" in wanted.settings)


def typed(words: list[str]) -> Request:
    """The request that a command line makes."""
    from typer.main import get_command

    from pipelines.cli.app import app

    group = get_command(app)
    assert words[:2] == ["objectmate", "run"]
    run = group.get_command(group.context_class(group), "run")
    given = run.make_context("run", words[2:]).params
    names = ("images", "labels", "profile", "workspace", "continue_past_gates")
    return Request("full", **{name: given[name] for name in names}, overrides=given["set_"] or [])


def test_a_run_in_its_own_folder_has_its_settings_in_a_file(undecided: Path) -> None:
    RUN.identity.unlink()
    assert how_to_run_again(RUN, FILE) == (
        "write `verdicts: verdicts.csv` below `gates:` in runs/mugs-1/params.yaml, and run again with these answers:\n"
        "cd runs/mugs-1 && objectmate run"
    )
    rename_verdicts("verdicts.csv")
    assert how_to_run_again(RUN, FILE) == "run again with these answers:\ncd runs/mugs-1 && objectmate run"


@pytest.mark.parametrize("pipeline", ["dataset", "full"])
def test_the_command_keeps_the_pipeline_that_was_asked_for(undecided: Path, pipeline: str) -> None:
    RUN.recorded.parent.mkdir(parents=True, exist_ok=True)
    RUN.recorded.write_text(pipeline)
    command = how_to_run_again(RUN, FILE).splitlines()[-1]
    assert command.startswith("objectmate run dataset " if pipeline == "dataset" else "objectmate run --")
