"""What a run is: its photographs, labels, profile and settings. A workspace belongs to one identity."""

import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from components.common.data.digests import digest_value
from components.common.data.files import write_atomically
from components.common.data.sandbox import is_packaged
from components.common.errors import UserError
from pipelines.engines.workspace import Workspace

HEAD = "# What this folder's run is. `objectmate run` refuses to use the folder for any other.\n"


@dataclass(frozen=True)
class Identity:
    """images, labels: local paths relative to the workspace, or addresses. settings: `section.key` -> value."""

    images: str
    labels: str
    profile: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Eight hex digits that tell one run from another."""
        return digest_value(asdict(self))[:8]

    def entries(self) -> dict[str, Any]:
        """Everything that makes up the identity, in one flat mapping."""
        return {"images": self.images, "labels": self.labels, "profile": self.profile, **self.settings}

    @classmethod
    def read(cls, workspace: Workspace) -> "Identity":
        """The identity that is recorded in a workspace."""
        return cls(**yaml.safe_load(workspace.identity.read_text(encoding="utf-8")))

    def write(self, workspace: Workspace) -> None:
        """Records in the workspace which run it belongs to."""
        text = HEAD + yaml.safe_dump(asdict(self), sort_keys=True, allow_unicode=True)
        write_atomically(workspace.identity, text.encode())


def refuse_foreign(workspace: Workspace, identity: Identity) -> None:
    """Raises `UserError` if the workspace belongs to another run, or to none that `objectmate run` knows of."""
    if workspace.identity.is_file():
        if differences := _differences(Identity.read(workspace), identity):
            raise UserError(
                f"{workspace.root} belongs to another run ({differences}): name another folder, or leave out "
                "--workspace to get a new one"
            )
    elif workspace.params.exists():
        raise UserError(
            f"{workspace.root} has a params.yaml but no {workspace.identity.name}, so nothing says which run's results "
            "it holds: go there and run without options, or name another folder"
        )


def _differences(owner: Identity, identity: Identity) -> str:
    before, now = owner.entries(), identity.entries()
    changed = [key for key in sorted(before | now) if before.get(key) != now.get(key)]
    return "; ".join(f"{key}: {_shown(before, key)}, not {_shown(now, key)}" for key in changed)


def _shown(entries: dict[str, Any], key: str) -> str:
    return str(entries.get(key, "default")) or "none"


def is_local(source: str) -> bool:
    """Whether photographs or labels are a path, not an address such as s3://... or sandbox:..."""
    return bool(source) and "://" not in source and not is_packaged(source)


def as_seen_from(root: Path, source: str, here: Path = Path()) -> str:
    """A local path that is relative to the folder `here`, made relative to `root`; addresses stay as they are."""
    return os.path.relpath((here / source).resolve(), root.resolve()) if is_local(source) else source


def slug(*words: str) -> str:
    """The words as a folder's name: letters, digits, dots and hyphens, at most 48 characters."""
    text = "-".join(filter(None, (re.sub(r"[^\w.]+", "-", word).strip("-.") for word in words)))
    return text[:48].rstrip("-.")
