"""A write that breaks off leaves what was there: a later command must never read half a file."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from components.common.data.files import write_atomically
from components.common.errors import UserError
from components.common.stage.kubeflow import FAILURE, _failure_noted
from components.training.launch import Handover
from pipelines.engines import prepare
from pipelines.engines.identity import Identity
from pipelines.engines.workspace import Workspace


def fail(folder: Path) -> None:
    with _failure_noted("mining", folder):
        raise UserError("no")


WRITERS: dict[str, Callable[[Path], object]] = {
    "a.json": lambda folder: write_atomically(folder / "a.json", b"new"),
    "run.yaml": lambda folder: Identity("photos", "", "sandbox").write(Workspace(folder)),
    "params.yaml": lambda folder: prepare._write_if_changed(folder / "params.yaml", "new"),
    "refusal.txt": lambda folder: Handover(folder).refuse("new"),
    FAILURE: fail,
}


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_there_stays_until_the_new_is_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / name).write_text("old")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[name](tmp_path)
    assert (tmp_path / name).read_text() == "old"
