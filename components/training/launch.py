"""Training in separate processes: a folder holds the request to them and their results.

On one machine, `run` starts them with torchrun; on several, the same folder is on a shared volume (see `trainjob`).
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
    """The folder shared by whoever requests a training and the processes that do it. All paths in it are absolute."""

    folder: Path

    def ask(self, params: Params, latents: Path, model: Path) -> None:
        """Writes the request, and deletes the refusal of an earlier one."""
        self._refusal.unlink(missing_ok=True)
        places = {"latents": str(latents.resolve()), "model": str(model.resolve())}
        request = places | {"task": params.task, "params": params.model_dump(mode="json")}
        self._request.write_text(json.dumps(request), encoding="utf-8")

    def asked(self) -> tuple[Params, Path, Path]:
        """The request: parameters, the folder of the latents and that of the model."""
        request = json.loads(self._request.read_text(encoding="utf-8"))
        params = validate(TASKS[request["task"]], request["params"], str(self._request))
        return params, Path(request["latents"]), Path(request["model"])

    def refuse(self, sentence: str) -> None:
        """Stores the sentence of a `UserError`, which another try would not change."""
        self._refusal.write_text(sentence, encoding="utf-8")

    def refusal(self) -> str:
        """That sentence; empty if there is none."""
        return self._refusal.read_text(encoding="utf-8") if self._refusal.is_file() else ""

    def keep(self, report: Report) -> None:
        """Stores the report."""
        report.save(self._report)

    def report(self) -> Report:
        """The stored report."""
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

    Raises `UserError` with their refusal, `StageFailed` if they failed for another reason (their output says why).
    """
    with tempfile.TemporaryDirectory() as folder:
        handover = Handover(Path(folder))
        handover.ask(params, inputs["latents"], outputs["model"])
        ended = subprocess.run(command(params.processes, handover.folder))
        if sentence := handover.refusal():
            raise UserError(sentence)
        if ended.returncode:
            raise StageFailed(
                f"training: one of {params.processes} processes ended early (see above): run again to continue from "
                "the last checkpoint"
            )
        return handover.report()


def command(processes: int, folder: Path, module: str = NODE) -> list[str]:
    """The command that starts one machine's processes for the request in `folder`."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [*torchrun, "--module", module, str(folder)]
