"""The captioning stage: what it writes, that it is repeatable, and that a kill loses nothing."""

from pathlib import Path
from typing import Any

import pytest
from anchor_data import outputs, photograph, write_datasets
from folders import files_of, killed_at_call
from in_shares import run_in_shares

from components.captioning import stage
from components.captioning.captioners import load_captioner
from components.captioning.params import Params
from components.common.data.reading import Dataset
from components.common.errors import UserError
from components.common.stage.params import validate


def _params(**values: Any) -> Params:
    return validate(Params, {"kind": "category", "part_rows": 2, **values}, "test")


def _run(inputs: dict[str, Path], out: Path, params: Params) -> Any:
    return stage.run(inputs, outputs("captions", out), params)


def test_without_a_model_the_category_is_the_caption(inputs: dict[str, Path], tmp_path: Path):
    report = _run(inputs, tmp_path / "out", _params())
    rows = Dataset(tmp_path / "out").rows()
    assert [(row["row"], row["text"]) for row in rows] == [(k, "a disc") for k in range(4)]
    assert report.metrics == {"captions": 4, "undecodable": 0, "distinct_share": 0.25, "words_mean": 2}
    assert report.figures["captions"].width > 0


def test_models_give_the_same_captions_each_time(inputs: dict[str, Path], captioner: Path, tmp_path: Path):
    params = _params(kind="transformers", captioner=str(captioner), prompt="", max_tokens=6)
    for name in ("one", "two"):
        _run(inputs, tmp_path / name, params)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert all(row["text"] for row in Dataset(tmp_path / "one").rows())


def test_a_prompt_is_given_with_every_picture(captioner: Path):
    params = _params(kind="transformers", captioner=str(captioner), prompt="a red", max_tokens=4)
    loaded = load_captioner(params)
    if loaded.processor.__class__.__name__.startswith("ViT"):  # type: ignore[attr-defined]
        pytest.skip("a pair of encoder and decoder takes no prompt")
    assert len(loaded.caption([photograph(0)] * 3, ["disc"] * 3)) == 3


def test_a_silent_model_is_replaced_by_the_category(captioner: Path, monkeypatch: pytest.MonkeyPatch):
    loaded = load_captioner(_params(kind="transformers", captioner=str(captioner), prompt=""))
    monkeypatch.setattr(loaded, "_say", lambda pictures: ["<s></s>"] * len(pictures))
    assert loaded.caption([photograph(0)], ["disc"]) == ["a disc"]


def test_a_killed_and_resumed_run_is_byte_identical(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _run(inputs, whole, _params())
    with killed_at_call(1, stage, "_part") as calls:
        with pytest.raises(KeyboardInterrupt):
            _run(inputs, killed, _params())
        _run(inputs, killed, _params())
    assert len(calls) == 3
    assert files_of(whole) == files_of(killed)


def test_a_broken_photograph_is_counted_and_stops_nothing(tmp_path: Path):
    inputs = write_datasets(tmp_path / "data", broken=(1,))
    report = _run(inputs, tmp_path / "out", _params())
    assert [row["row"] for row in Dataset(tmp_path / "out").rows()] == [0, 2, 3]
    assert report.metrics["undecodable"] == 1
    assert "1 anchors have no caption" in report.notes[0]
    (reject,) = Dataset(outputs("", tmp_path / "out")["rejects"]).rows()
    assert (reject["key"], reject["subject"], reject["reason"]) == ("object-1", "set", "undecodable")


def test_wrong_parameters_and_absent_models_are_one_sentence():
    with pytest.raises(UserError, match=r"kind = transformers needs models\.captioner"):
        _params(kind="transformers", captioner="")
    with pytest.raises(UserError, match="window_scale"):
        _params(window_scale=0.5)
    with pytest.raises(UserError, match="there is no model folder"):
        load_captioner(_params(kind="transformers", captioner="/nowhere/at/all"))
    with pytest.raises(UserError, match="no pinned revision"):
        load_captioner(_params(kind="transformers", captioner="owner/name"))


def test_two_workers_make_what_one_makes(inputs: dict[str, Path], tmp_path: Path):
    _run(inputs, tmp_path / "whole", _params())
    run_in_shares(stage.run, inputs, outputs("captions", tmp_path / "gathered"), _params(), workers=2)
    assert files_of(tmp_path / "gathered") == files_of(tmp_path / "whole")
