"""DVC's run cache for all workspaces: a stage that ran before with equal inputs and parameters is not run again.

DVC does not cache stages with `persist` outputs, because their result may depend on what their folders already hold.
Ours are `persist` only so that a killed stage can continue; their result does not depend on what was there.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dvc.stage.cache import RunCacheNotFoundError, StageCache
from dvc.stage.serialize import to_single_stage_lockfile

from components.common.data.digests import digest_value
from components.common.data.files import read_json, write_atomically
from components.common.data.reading import FINISHED
from components.common.stage.report import RECORD
from pipelines.engines.workspace import RESTORED


class RunCache(StageCache):
    """The run cache, which also stores the records that are next to a stage's outputs but not part of them (see
    `DVCIGNORE`)."""

    def save(self, stage: Any) -> None:
        """Stores what a stage has just made."""
        with _without_persist(stage):
            super().save(stage)
        records = {name: read_json(path) for name, path in _records(stage).items() if path.is_file()}
        if not any(RESTORED in record for record in records.values()):
            path = self._records_path(stage)
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, json.dumps(records).encode())

    def restore(self, stage: Any, run_cache: bool = True, pull: bool = False, dry: bool = False) -> None:
        """Restores what a stage would make. Raises `RunCacheNotFoundError` if any of it is missing."""
        if dry or stage.always_changed:
            raise RunCacheNotFoundError(stage)
        stage.save_deps()
        with _without_persist(stage):
            entry, records = self._load(stage), self._records_path(stage)
        cached = self._create_stage(entry, wdir=stage.wdir) if entry else None
        if cached is None or not cached.outs_cached() or not records.is_file():
            raise RunCacheNotFoundError(stage)
        stage.remove_outs(force=True)
        cached.checkout()
        _write_records(stage, read_json(records))

    def _records_path(self, stage: Any) -> Path:
        made_from = {key: value for key, value in to_single_stage_lockfile(stage).items() if key != "outs"}
        return Path(self.cache_dir).with_name("records") / f"{digest_value(made_from)}.json"


@contextmanager
def _without_persist(stage: Any) -> Iterator[None]:
    before = [out.persist for out in stage.outs]
    for out in stage.outs:
        out.persist = False
    try:
        yield
    finally:
        for out, persist in zip(stage.outs, before, strict=True):
            out.persist = persist


def _write_records(stage: Any, records: dict[str, Any]) -> None:
    places = _records(stage)
    for name, record in records.items():
        restored = record | {RESTORED: datetime.now(UTC).isoformat()}
        text = json.dumps(restored, indent=1) if places[name].name == RECORD else json.dumps(record)
        write_atomically(places[name], text.encode())


def _records(stage: Any) -> dict[str, Path]:
    """A record's path in the workspace -> its place on disk."""
    names = [(out, name) for out in stage.outs for name in (FINISHED, RECORD)]
    return {f"{out.def_path}/{name}": Path(out.fs_path) / name for out, name in names}
