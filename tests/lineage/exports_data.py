"""A workspace in which every step has run, on datasets with rows of every kind that exports count."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from picture_rows import image_row
from PIL import Image

from components.common.data.writing import Writer
from components.common.stage.params import StageParams
from components.common.stage.report import Report
from components.common.stage.yaml_text import read_yaml
from components.common.vision.images import encode_png, thumbnail
from pipelines.engines.workspace import Workspace
from pipelines.parameters import step_params
from pipelines.steps import STEPS, Step

PARAMS = Path(__file__).parents[2] / "params.yaml"
RIGHTS: list[dict[str, Any]] = [
    {"licence": "CC0-1.0", "collected_at": "2024-03-01", "source_url": "https://a.example/1.jpg"},
    {"licence": "CC0-1.0", "collected_at": "2025-11-30T10:00:00Z", "source_url": "https://A.example:8443/2.jpg"},
    {"licence": "CC-BY-4.0", "attribution": "Ada <b>Bell</b> | photos", "source_url": "http://user@b.example/3.jpg"},
    {"licence": "House rules"},
    {"licence": None, "collected_at": "last summer"},
]
"""What each photograph says of its rights."""
SIGNALS = [
    (0, "iptc", "allowed", None), (1, "robots.txt", "unknown", ""), (1, "iptc", "unknown", None),
    (1, "labels", "unknown", "2026-01-02"), (None, "sidecar", "disallowed", "2026-01-02"),
]  # fmt: skip
"""Number of a photograph (None: of one that was refused), and where which signal was found about it, and when."""
REFUSED = {"opted-out": 2, "truncated": 1}
SPLITS = ("train", "train", "validation")
WEIGHTS = "d" * 64
BLOBS = {
    "images": ("image",), "objects": ("crop",), "backgrounds": ("image", "mask"),
    "tuples": ("target", "background", "mask", "ref0", "ref1", "ref2"),
}  # fmt: skip
PASS: dict[str, Any] = {
    "gate": "", "verdict": "pass", "blocking": True, "observed": 1.0, "limit": 0.5, "reason": "all is well",
    "next_step": "",
}  # fmt: skip
STOPPED = PASS | {"verdict": "undecided", "observed": 0.25, "reason": "3 of 12 are right", "next_step": "label RUN"}


def make_run(root: Path, stopped: str = "") -> Workspace:
    """The workspace `root` after all stages. stopped: the gate stage at which the run stopped instead."""
    workspace = Workspace(root)
    root.mkdir(parents=True)
    shutil.copy(PARAMS, workspace.params)
    values, rows = read_yaml(PARAMS), _rows()
    for minute, step in enumerate(STEPS.values()):
        _make(workspace, step, step_params(values, step), rows, minute, stopped)
        if step.name == stopped:
            break
    return workspace


def _make(
    workspace: Workspace,
    step: Step,
    params: StageParams,
    rows: dict[str, list[dict[str, Any]]],
    minute: int,
    stopped: str,
) -> None:
    inputs = workspace.inputs(step)
    verdict = (STOPPED if step.name == stopped else PASS) | {"gate": step.name.removeprefix("gate_")}
    weights = {"encoder": WEIGHTS} if step.name == "embedding" else {}
    came_in = {"photographs": "e" * 64} if step.name == "ingest" else {}
    for role, kind in sorted(step.stage.outputs.items()):  # scores are made from samples
        folder = workspace.dataset(step.outputs[role])
        made_from = inputs | ({"samples": workspace.dataset("samples")} if folder.name == "scores" else {})
        chosen = [verdict] if kind == "verdicts" else rows.get(folder.name, [])
        with Writer(folder, kind, step.name, made_from, params, weights | came_in) as out:
            if folder.name == "calibration":
                out.facts = {"low": 0.93, "high": 0.975, "passed": True, "target": 0.8}
            for index in range(2 if len(chosen) > 1 else 1):
                _write(out, index, chosen[index::2] if len(chosen) > 1 else chosen)
    Report(notes=[f"{step.name} went well"]).save(workspace.report(step))
    record = {"stage": step.name, "started_at": f"2026-01-01T00:{minute:02}:00+00:00", "seconds": 1.5}
    where = {"host": "h", "user": "ada", "commit": "c" * 40}
    workspace.record(step).write_text(json.dumps(record | where))


def _write(out: Writer, index: int, rows: list[dict[str, Any]]) -> None:
    """One part: rows, and the same picture for each of their blobs."""
    names = BLOBS.get(out.kind, ())
    blobs = [{_file(out.kind, name): encode_png(_picture(7)) for name in names} for _ in rows] if names else None
    vectors = np.array([thumbnail(_picture(7)) for _ in rows]) if out.kind == "images" and rows else None
    out.write(index, rows, blobs, vectors)


def _file(kind: str, name: str) -> str:
    return name if kind == "images" else f"{name}.png"


def _picture(seed: int) -> Image.Image:
    grid = np.random.default_rng(seed).integers(0, 255, (4, 4, 3), np.uint8)
    return Image.fromarray(grid).resize((16, 16))


def _rows() -> dict[str, list[dict[str, Any]]]:
    images = [image_row(_picture(n), f"{n}.png", **said)[0] for n, said in enumerate(RIGHTS)]
    refused = [reason for reason, count in REFUSED.items() for _ in range(count)]
    hashes = {"dhash": bytes(32), "dhash_flipped": bytes(32)}
    box = {"x": 1.0, "y": 1.0, "w": 8.0, "h": 8.0}
    objects = [
        {"object_id": f"o{n}", "image_id": row["image_id"], "category": "mug", "score": 1.0} | box | hashes
        for n, row in enumerate(images)
    ]
    others = {"uri": "x", "address": "here", "value": "as found"}
    return {
        "images": images,
        "rights": [
            {"image_id": "f" * 64 if n is None else images[n]["image_id"], "mechanism": where, "train_ai": says,
             "checked_at": at} | others
            for n, where, says, at in SIGNALS
        ],
        "quarantine": [{"uri": "x", "stage": "ingest", "reason": reason, "detail": ""} for reason in refused],
        "objects": objects,
        "detection_rejects": [
            {"stage": "detection", "subject": "box", "key": key, "reason": "overlap", "detail": ""} for key in "abcd"
        ],
        "embeddings": [{"object_id": f"o{n}", "row": n} for n in range(len(images))],
        "captions": [{"object_id": "o0", "row": 0, "text": "a mug", "captioner_digest": WEIGHTS}],
        "tuples": [
            {
                "tuple_id": f"t{n}", "anchor": 0, "refs": [1, 2, 3], "caption": "a mug", "split": split, "group": 0,
                "parents": ["o0", "o1"], "sources": [images[0]["image_id"], images[1]["image_id"]],
            }
            for n, split in enumerate(SPLITS)
        ],
        "model_insertion": [{"path": "pipeline/unet/config.json", "bytes": 11, "sha256": "f" * 64}],
    }  # fmt: skip
