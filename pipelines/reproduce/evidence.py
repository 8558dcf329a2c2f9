"""The data that answers questions: a finished run's scores, its encoders on the benchmark, and the variants' runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from components.common import statistics
from components.common.data.digests import digest_file, digest_sources, digest_value
from components.common.data.reading import Dataset
from components.common.data.sandbox import resolve
from components.common.errors import UserError
from components.common.vision.encoders import load_encoder
from components.evaluation.benchmark import View, load
from components.evaluation.params import Params
from components.sandbox.training.measure import Neighbours
from pipelines.compare.scores import Cells, current_scores
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.reproduce.variants import Variant
from pipelines.steps import STEPS


class Evidence:
    """The run of a workspace. Raises `UserError` if it has no scores of its current run."""

    def __init__(self, workspace: Workspace):
        params = read_step(workspace.params, STEPS["evaluation"])
        assert isinstance(params, Params)
        self.params, self.scored, self.workspace = params, current_scores(workspace), workspace
        if self.scored.absent:
            raise UserError(self.scored.absent)
        manifest = Dataset(workspace.dataset("scores")).manifest
        code = [digest_sources(Path(__file__).parent), digest_file(Path(statistics.__file__))]
        self.digest = digest_value([manifest.digest, manifest.fingerprint, *code])
        """The digest of the scores, of their benchmark and encoders, and of the code of questions and tests."""

    def scores(self, name: str, system: str) -> Cells:
        """Sample -> (subject, value) of a system. name: BENCHMARK.METRIC."""
        if not (cells := self.scored.of(name, system)):
            raise UserError(f"the run has no {name} of {system}: let it evaluate that benchmark")
        return cells

    def hits(self, model: str) -> tuple[list[str], list[float]]:
        """For each photograph of the benchmark: its subject, and whether its nearest neighbour shows the same subject.

        model: clip, dino or ir. The object is cut out with the surroundings that scores use.
        """
        encoder = load_encoder(getattr(self.params, model), self.params.device, self.params.framing)
        vectors = encoder.embed([view.square(self.params.crop_scale) for view in self._views])
        near = Neighbours(vectors, [view.subject for view in self._views], np.arange(len(self._views)).tolist())
        return near.asked, near.hits.tolist()

    @cached_property
    def _views(self) -> list[View]:
        return [view for views in load(resolve(self.params.benchmark)).subjects.values() for view in views]


@dataclass(frozen=True)
class Material:
    """The given run, the runs of each variant (one per training), and the file of people's choices, if there is one."""

    given: Evidence
    runs: Mapping[Variant, Sequence[Workspace]] = field(default_factory=dict)
    choices: Path | None = None

    @property
    def choices_digest(self) -> str:
        """The digest of the file of choices; empty without one."""
        return digest_file(self.choices) if self.choices and self.choices.is_file() else ""
