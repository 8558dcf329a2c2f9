"""Conservation: whatever is lost between two datasets is found, and named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from gate_data import Make, object_row, photographs

from components.common.data.account import Equation
from components.common.data.rejections import rejection
from components.gates.conservation import ACCOUNT, conservation
from components.gates.params import Tuples

Rows = dict[str, list[dict[str, Any]]]
BLOBS = {
    "images": ("image",),
    "objects": ("crop",),
    "backgrounds": ("image", "mask"),
    "tuples": ("target", "background", "mask", "ref0", "ref1", "ref2"),
}


def ledger() -> Rows:
    """Six photographs: objects 0 to 4 in the first five, two sets, one tuple; and what was rejected on the way."""
    images, _ = photographs(6)
    ids = [image["image_id"] for image in images]
    named = [{"object_id": f"object-{row}", "row": row} for row in range(2)]
    refused = (("copy.png", "duplicate"), ("notes.txt", "passed-over"), ("line 3", "missing"))
    return {
        "images": images,
        "quarantine": [{"uri": uri, "stage": "ingest", "reason": reason, "detail": ""} for uri, reason in refused],
        "objects": [object_row(row, ids[row]) for row in range(5)],
        "sets": [
            {"anchor": row, "views": [1 - row, 2, 3], "similarities": [0.9] * 3, "category": "mug", "group": 0}
            for row in range(2)
        ],
        "backgrounds": [named[0] | {"remover_digest": "d", "residual": 0.1, "outside_change": 0.0}],
        "captions": [row | {"text": "a mug", "captioner_digest": "d"} for row in named],
        "tuples": [
            {"tuple_id": "t", "anchor": 0, "refs": [1, 2, 3], "caption": "a mug", "split": "train", "group": 0}
            | {"parents": [f"object-{row}" for row in range(4)], "sources": ids[:4]}
        ],
        "detection_rejects": [
            rejection("detection", "box", "0 0 9 9", ids[0], "small"),
            rejection("detection", "photograph", ids[5], ids[5], "no-box"),
        ],
        "mining_rejects": [
            rejection("mining", "object", f"object-{row}", ids[row], "few-partners" if row < 4 else "no-partner")
            for row in (2, 3, 4)
        ],
        "removal_rejects": [rejection("removal", "set", "object-1", ids[1], "no-surroundings")],
        "captioning_rejects": [],
        "assembly_rejects": [rejection("assembly", "set", "object-1", ids[1], "no-background")],
    }


@pytest.fixture
def judged(make: Make) -> Callable[..., Any]:
    """The gate on a ledger's datasets."""

    def judge(rows: Rows, files: int = 8) -> Any:
        inputs: dict[str, Path] = {}
        for name, table in rows.items():
            content: dict[str, Any] = (
                {"blobs": [{f"{b}.png": b"" for b in BLOBS[name]}] * len(table)} if name in BLOBS else {}
            )
            stage, _, rejects = name.partition("_")
            facts = {"files": files, "read_beside": 0} if name == "quarantine" else {}
            inputs[name] = make(name, rejects or name, table, facts, stage=stage, **content)
        return conservation(inputs, Tuples())

    return judge


def faults(gate: Any) -> dict[str, str]:
    """What each failed check says."""
    return {check.name.removeprefix("unaccounted_"): str(check) for check in gate.checks if (check.excess > 0).any()}


def test_everything_is_accounted_for(judged: Callable[..., Any]) -> None:
    gate = judged(ledger())
    assert not faults(gate)
    equations = [Equation(**fields) for fields in json.loads(gate.shows.files[ACCOUNT])]
    assert [f"{equation}." for equation in equations] == [
        "8 files = 6 photographs + 1 duplicate + 1 passed-over.",
        "6 photographs = 5 with objects + 1 detection: no-box.",
        "5 objects = 2 anchors of a set + 2 mining: few-partners + 1 mining: no-partner.",
        "2 sets = 1 with a clean plate + 1 removal: no-surroundings.",
        "2 sets = 2 with a caption.",
        "2 sets = 1 made into tuples + 1 assembly: no-background.",
        "5 objects = 4 used in tuples + 1 mining: no-partner.",
        "6 photographs = 4 used in tuples + 1 mining: no-partner + 1 detection: no-box.",
    ]


def test_a_photograph_ends_at_the_furthest_rule_that_it_reached(judged: Callable[..., Any]) -> None:
    rows = ledger()
    rows["tuples"] = []
    rows["assembly_rejects"].append(rejection("assembly", "set", "object-0", None, "background-size"))
    rows["objects"][4]["image_id"] = rows["images"][0]["image_id"]  # whose other object got further
    rows["detection_rejects"].append(
        rejection("detection", "photograph", rows["images"][4]["image_id"], None, "no-box")
    )
    gate = judged(rows)
    assert not faults(gate)
    assert gate.shows.plots["where_photographs_end"] == [
        {"end": "used in tuples", "photographs": 0},
        {"end": "mining: few-partners", "photographs": 2},
        {"end": "mining: no-partner", "photographs": 0},
        {"end": "assembly: background-size", "photographs": 1},
        {"end": "assembly: no-background", "photographs": 1},
        {"end": "detection: no-box", "photographs": 2},
    ]


@pytest.mark.parametrize(
    ("dataset", "failed", "words"),
    [
        ("quarantine", "files", "8 files = 6 photographs + 1 passed-over, but ingest listed 1 more"),
        ("mining_rejects", "mined", "object-2 is in none of these"),
        ("backgrounds", "plates", "object-0 is in none of these"),
        ("captions", "captions", "object-0 is in none of these"),
        ("tuples", "assembled", "object-0 is in none of these"),
        ("removal_rejects", "plates", "object-1 is in none of these"),
        ("assembly_rejects", "assembled", "object-1 is in none of these"),
    ],
)
def test_a_row_that_is_missing_is_named(judged: Callable[..., Any], dataset: str, failed: str, words: str) -> None:
    rows = ledger()
    del rows[dataset][0]
    found = faults(judged(rows))
    assert words in found[failed] and set(found) <= {failed, "objects", "photographs"}


def test_a_photograph_that_vanishes_is_named_twice(judged: Callable[..., Any]) -> None:
    rows = ledger()
    lost = rows["detection_rejects"].pop()["key"]
    found = faults(judged(rows))
    assert f"but {lost} is in none of these" in found["searched"]
    assert f"but nothing says what became of {lost}" in found["photographs"]
    assert set(found) == {"searched", "photographs"}


def test_a_row_that_is_there_twice_or_comes_from_nowhere_is_named(judged: Callable[..., Any]) -> None:
    rows = ledger()
    rows["captioning_rejects"] = [rejection("captioning", "set", "object-1", None, "undecodable")]
    rows["mining_rejects"].append(rejection("mining", "object", "object-77", None, "no-partner"))
    rows["quarantine"][0]["uri"] = rows["images"][2]["uri"]
    found = faults(judged(rows))
    assert "but object-1 is in several of these" in found["captions"]
    assert "but object-77 is not among them" in found["mined"]
    assert "is counted twice" in found["files"]
    assert set(found) == {"captions", "mined", "files"}


def test_a_reason_that_no_rule_has_explains_nothing(judged: Callable[..., Any]) -> None:
    rows = ledger()
    rows["mining_rejects"][2]["reason"] = "bad-luck"
    found = faults(judged(rows))
    assert set(found) == {"mined", "objects", "photographs"}
    assert "object-4" in found["mined"] and "object-4" in found["objects"]
