"""What the user asked for on the command line, and the run's identity and folder that follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.common.errors import UserError
from components.common.stage.yaml_text import parse_yaml, yaml_line
from pipelines.engines.identity import Identity, as_seen_from, slug
from pipelines.engines.workspace import RUNS, Workspace
from pipelines.parameters import keys_naming
from pipelines.steps import STEPS

ENGINES = ("dvc", "kfp", "docker")
OTHER_PHOTOGRAPHS = {"detection.source": "whole", "ingest.licence": "", "ingest.collection": "photographs"}
"""The tiny detector knows only rendered rooms, so other photographs are assumed to show one product each."""


@dataclass(frozen=True)
class Request:
    """What the user asked for on the command line."""

    pipeline: str
    images: str = ""
    labels: str = ""
    profile: str = "sandbox"
    engine: str = "dvc"
    workspace: Path | None = None
    continue_past_gates: bool = False
    overrides: list[str] | tuple[str, ...] = ()
    shares: int = 1

    @classmethod
    def of(cls, workspace: Workspace) -> "Request":
        """The request that made a run, for its dataset.

        The embedded photographs are not named in it: to name them would give them the settings of other photographs.
        """
        if not workspace.identity.is_file():
            return cls("dataset")
        identity = Identity.read(workspace)
        settings = moved(identity.settings, workspace.root, Path())
        images, labels = (as_seen_from(Path(), source, workspace.root) for source in (identity.images, identity.labels))
        images = "" if labels and images == cls("dataset").sources[0] else images
        overrides = [f"{key}={yaml_line(value)}" for key, value in settings.items()]
        return cls("dataset", images, labels, identity.profile, workspace=workspace.root, overrides=overrides)

    @property
    def sources(self) -> tuple[str, str]:
        """The photographs and their labels, the embedded ones if no others are named."""
        labels = self.labels or ("" if self.images else "sandbox:corpus/labels.csv")
        return self.images or "sandbox:corpus", labels

    def settings(self) -> dict[str, Any]:
        """`section.key` -> value, from --set, --continue-past-gates and what other photographs need."""
        other = OTHER_PHOTOGRAPHS if self.images and self.profile == "sandbox" else {}
        return other | self.asked()

    def asked(self) -> dict[str, Any]:
        """`section.key` -> value, from --set and --continue-past-gates alone."""
        pairs = [item.partition("=") for item in self.overrides]
        if wrong := [key for key, equals, _ in pairs if not equals]:
            raise UserError(f"--set {wrong[0]}: write section.key=value, such as --set mining.min_views=3")
        gates = [step.stage.params.section for step in STEPS.values() if step.stage.gate]
        opened = {f"{gate}.blocking": False for gate in gates} if self.continue_past_gates else {}
        keys = [key for key, _, _ in pairs]
        if repeated := [key for key in keys if keys.count(key) > 1]:
            raise UserError(f"--set {repeated[0]} is given twice: leave one out")
        return opened | {key: parse_yaml(value, f"--set: the value of {key}") for key, _, value in pairs}

    @property
    def plain(self) -> bool:
        """Whether this is the default run: no option changes what is computed."""
        return (
            not (self.images or self.labels or self.overrides or self.continue_past_gates) and self.profile == "sandbox"
        )

    @property
    def in_place(self) -> bool:
        """Whether the current folder is the workspace, with the params.yaml that it has.

        Raises `UserError` if options would have to change that file: they would apply to the next run as well.
        """
        if self.workspace is None:
            return self.plain and self.engine == "dvc"
        here = self.workspace.resolve() == Path().resolve()
        if here and not self.plain:
            raise UserError(
                f"--workspace {self.workspace} is the current folder, whose settings are in its params.yaml: edit that "
                "file and leave out the options, or leave out --workspace to give the run its own folder"
            )
        return here

    @property
    def folder(self) -> Path:
        """The run's own folder: the one named, or runs/WORDS-DIGEST; runs/ENGINE for the default run's parameters."""
        if self.workspace is not None:
            return self.workspace
        photographs = Path(self.images).absolute().name if self.images else ""
        profile, engine = ("" if word in ("sandbox", "dvc") else word for word in (self.profile, self.engine))
        if self.plain:
            return RUNS / self.engine
        opened = "past-gates" if self.continue_past_gates else ""
        # The relative path to the photographs is the same from every folder below runs/, so any of them will do here.
        identity = self.identity(RUNS / "any")
        return RUNS / f"{slug(photographs, profile, engine, opened, *self.overrides)}-{identity.digest}".lstrip("-")

    def identity(self, root: Path) -> Identity:
        """The run's identity, with local paths relative to the workspace `root`."""
        images, labels = (as_seen_from(root, source) for source in self.sources)
        return Identity(images, labels, self.profile, moved(self.settings(), Path(), root))


def moved(settings: Mapping[str, Any], here: Path, there: Path) -> dict[str, Any]:
    """The settings, with each local path in them changed from relative to `here` to relative to `there`.

    A model is a path if there is such a folder, as in `components.common.vision.models.locate`.
    """
    places, models = keys_naming("place"), keys_naming("model")
    paths = places | {key for key in models & settings.keys() if settings[key] and (here / str(settings[key])).is_dir()}
    return {key: _seen(value, here, there) if key in paths else value for key, value in settings.items()}


def _seen(value: Any, here: Path, there: Path) -> Any:
    if isinstance(value, dict):
        return {name: _seen(place, here, there) for name, place in value.items()}
    return as_seen_from(there, value, here) if isinstance(value, str) else value  # the parameters' check will refuse it
