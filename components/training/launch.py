"""A training in processes of their own: what they are asked to do, and what they leave, lies in a folder.

On one machine `run` starts them with torchrun; on several the same folder lies on a shared volume (see `trainjob`).
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.common.data.reading import is_complete
from components.common.errors import StageFailed, UserError
from components.common.stage.params import validate
from components.common.stage.report import Report
from components.training.params import Generation, Insertion, Params

NODE = "components.training.node"
TASKS: dict[str, type[Params]] = {params.task: params for params in (Insertion, Generation)}


@dataclass(frozen=True)
class Handover:
    """The folder between who asks for a training and the processes that do it. All paths in it are absolute."""

    folder: Path

    def ask(self, params: Params, latents: Path, model: Path) -> None:
        """Says what to do, and forgets what was said to an earlier request."""
        self._refusal.unlink(missing_ok=True)
        places = {"latents": str(latents.resolve()), "model": str(model.resolve())}
        request = places | {"task": params.task, "params": params.model_dump(mode="json")}
        self._request.write_text(json.dumps(request), encoding="utf-8")

    def asked(self) -> tuple[Params, Path, Path]:
        """Parameters, the folder of the latents and that of the model."""
        request = json.loads(self._request.read_text(encoding="utf-8"))
        params = validate(TASKS[request["task"]], request["params"], str(self._request))
        return params, Path(request["latents"]), Path(request["model"])

    def refuse(self, sentence: str) -> None:
        """Keeps the sentence of a `UserError`: what trying again would not change."""
        self._refusal.write_text(sentence, encoding="utf-8")

    def refusal(self) -> str:
        """That sentence, or nothing."""
        return self._refusal.read_text(encoding="utf-8") if self._refusal.is_file() else ""

    def keep(self, report: Report) -> None:
        """Stores the report."""
        report.save(self._report)

    def report(self) -> Report:
        """The report that was kept."""
        return Report.load(self._report)

    def finished(self, model: Path) -> bool:
        """Whether the model and its report are there."""
        return is_complete(model) and self._report.is_dir()

    @property
    def _request(self) -> Path:
        return self.folder / "request.json"

    @property
    def _refusal(self) -> Path:
        return self.folder / "refusal.txt"

    @property
    def _report(self) -> Path:
        return self.folder / "report"


def run(inputs: Mapping[str, Path], outputs: Mapping[str, Path], params: Params) -> Report:
    """Trains in `params.processes` processes on this machine.

    Raises `UserError` with what they refused to do, `StageFailed` if they ended otherwise (their output says why).
    """
    with tempfile.TemporaryDirectory() as folder:
        handover = Handover(Path(folder))
        handover.ask(params, inputs["latents"], outputs["model"])
        ended = subprocess.run(command(params.processes, handover.folder))
        if sentence := handover.refusal():
            raise UserError(sentence)
        if ended.returncode:
            raise StageFailed(
                f"training: a process of {params.processes} ended early (see above): run again, it goes on from its "
                "last checkpoint"
            )
        return handover.report()


def command(processes: int, folder: Path, module: str = NODE) -> list[str]:
    """Starts the processes of one machine that do what `folder` asks for."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [*torchrun, "--module", module, str(folder)]
