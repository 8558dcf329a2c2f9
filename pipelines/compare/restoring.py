"""Restores a run's workspace from its params.yaml, its dvc.lock, and the files that DVC's cache still has."""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.common.data.digests import digest_value
from components.common.data.files import inside, read_json
from components.common.errors import UserError
from components.common.stage.yaml_text import parse_yaml
from pipelines.engines.prepare import shared_cache
from pipelines.engines.workspace import DVC_LOCK, Workspace
from pipelines.parameters import FILE


def restore(name: str, texts: Mapping[str, str], root: Path) -> Workspace:
    """Makes the workspace of a past run in `root`, from the texts of its files.

    Raises `UserError` if DVC's cache no longer has one of its datasets.
    """
    root.mkdir(parents=True)
    for file, text in texts.items():
        (root / file).write_text(text, encoding="utf-8")
    cache = shared_cache()
    for entry in parse_yaml(texts[DVC_LOCK], DVC_LOCK).get("stages", {}).values():
        for out in entry.get("outs", ()):
            _place_out(name, cache, out, inside(root, out["path"]))
        _write_records(cache, entry, root)
    if not (root / FILE).is_file():
        raise UserError(f"the record of run {name} has no {FILE}: name a folder or a commit")
    return Workspace(root)


def _place_out(name: str, cache: Path, out: Mapping[str, Any], folder: Path) -> None:
    """Places the files of one folder of dvc.lock, as hard links where possible, since nothing writes to them."""
    listed = _cached(cache, out["md5"])
    files = read_json(listed) if listed.is_file() else None
    if files is None or not all(_cached(cache, file["md5"]).is_file() for file in files):
        raise UserError(
            f"DVC's cache does not have {out['path']} of run {name}: fetch it from a remote (`dvc fetch`), name a run "
            "whose folder is there, or run it again"
        )
    for file in files:
        path = inside(folder, file["relpath"])
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(_cached(cache, file["md5"]), path)
        except OSError:
            shutil.copyfile(_cached(cache, file["md5"]), path)


def _write_records(cache: Path, entry: Mapping[str, Any], root: Path) -> None:
    """Writes when and where the step ran, which is stored outside its datasets; see `pipelines.engines.run_cache`."""
    made_from = {key: value for key, value in entry.items() if key != "outs"}
    file = cache / "records" / f"{digest_value(made_from)}.json"
    records = read_json(file) if file.is_file() else {}
    for path, record in records.items():
        target = inside(root, path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(record), encoding="utf-8")


def _cached(cache: Path, md5: str) -> Path:
    return cache / "files" / "md5" / md5[:2] / md5[2:]
