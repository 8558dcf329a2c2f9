"""Stages with a network, against their bare model: the same calls with the same batches, and nothing else.

The stage runs as in a pipeline, and its calls of the model are recorded, then repeated. The two alternate, so that
other load on the machine slows both. Loading is not counted, since it happens once.
"""

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from components.common.computing import pick_device, pinned_threads
from components.common.data.reading import Dataset
from components.common.data.writing import Writer
from components.common.errors import UserError
from components.common.stage.params import StageParams
from components.common.stage.shared import OnDevice
from components.common.vision.anchors import Photographs
from components.common.vision.encoders import Encoder
from pipelines.bench.clock import Call, Clock
from pipelines.engines.workspace import Workspace
from pipelines.parameters import read_step
from pipelines.steps import STEPS, Step

LOADING, MODEL, REST = "loading", "model", "rest"
Models = Callable[[Any], list[tuple[Any, str]]]
"""The methods, of what a loader returned, that are the bare model."""


def _network(loaded: Any) -> list[tuple[Any, str]]:
    return [(loaded.model, "forward")] if hasattr(loaded, "model") else []


def _captioner(loaded: Any) -> list[tuple[Any, str]]:
    return [(loaded.model, "generate")] if hasattr(loaded, "model") else []


def _remover(loaded: Any) -> list[tuple[Any, str]]:
    if hasattr(loaded, "unet"):
        return [(loaded.unet, "forward")]
    if hasattr(loaded, "pipeline"):
        pipe = loaded.pipeline
        return [(pipe.unet, "forward"), (pipe.vae, "encode"), (pipe.vae, "decode"), (pipe.text_encoder, "forward")]
    return []


LOADERS: Mapping[str, Mapping[str, Models]] = {
    "detection": {"open_source": _network},
    "embedding": {"load_encoder": _network},
    "removal": {"load_remover": _remover, "load_encoder": _network},
    "captioning": {"load_captioner": _captioner},
}
"""Stage -> the loaders that its module calls."""
COUNTED = {"detection": "images", "embedding": "embeddings", "removal": "backgrounds", "captioning": "captions"}
"""Stage -> the dataset whose rows are its images."""
PARTS: Sequence[tuple[Any, str, str]] = (
    (Future, "result", "waiting for threads"),
    (Photographs, "__getitem__", "decoding"),
    (Encoder, "pixels", "preparing"),
    (Writer, "write", "writing"),
)


@dataclass(frozen=True)
class Row:
    """One stage. images: how many it processed. seconds, bare_seconds: medians without loading. ratio: the bare model's
    seconds / the stage's, the median over rounds. shares: part -> its share of the stage's seconds in the main thread;
    `model` includes what the stage's threads slow it down by. loading: seconds."""

    stage: str
    device: str
    threads: int
    images: int
    calls: int
    seconds: float
    bare_seconds: float
    ratio: float
    ratios: list[float]
    shares: dict[str, float]
    loading: float


def bench(workspace: Workspace, stages: Sequence[str], rounds: int) -> list[Row]:
    """Measures each stage (default: all of `LOADERS`) on a run's datasets, after one more round that warms up.

    Raises `UserError` for an unknown stage, too few rounds, missing datasets, or a stage that has no network.
    """
    if wrong := [name for name in stages if name not in LOADERS]:
        raise UserError(f"bench inference has no stage '{wrong[0]}': choose one of {', '.join(LOADERS)}")
    if rounds < 1:
        raise UserError("use --rounds of at least 1")
    return [_bench(workspace, STEPS[name], rounds) for name in stages or LOADERS]


def _bench(workspace: Workspace, step: Step, rounds: int) -> Row:
    params, inputs = read_step(workspace.params, step), workspace.inputs(step)
    assert isinstance(params, OnDevice)
    device, measured = pick_device(params.device), []
    with pinned_threads(params):
        for _ in range(rounds + 1):
            seconds, clock, images = _run_stage(step, inputs, params)
            if not clock.calls:
                raise UserError(f"{step.name} has no network with the parameters of {workspace.params}: leave it out")
            measured.append((seconds, _repeat(clock.calls, device), clock.seconds))
    measured = measured[1:]
    ratios = [bare / seconds for seconds, bare, _ in measured]
    return Row(
        stage=step.name,
        device=torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        threads=params.threads,
        images=images,
        calls=len(clock.calls),
        seconds=statistics.median(seconds for seconds, _, _ in measured),
        bare_seconds=statistics.median(bare for _, bare, _ in measured),
        ratio=statistics.median(ratios),
        ratios=ratios,
        shares=_shares([(seconds, parts) for seconds, _, parts in measured]),
        loading=statistics.median(parts[LOADING] for _, _, parts in measured),
    )


def _run_stage(step: Step, inputs: Mapping[str, Path], params: StageParams) -> tuple[float, Clock, int]:
    """Runs a stage into a temporary folder; returns its seconds without loading, its clock, and its image count."""
    module, clock = importlib.import_module(f"{step.stage.room}.stage"), Clock()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as watching:
        outputs = {role: Path(folder) / role for role in step.outputs}
        for name, models in LOADERS[step.name].items():
            watching.enter_context(clock.watching(module, name, LOADING, _recorder(clock, models)))
        for owner, name, part in (*PARTS, *_encoding(module)):
            watching.enter_context(clock.watching(owner, name, part))
        start = time.perf_counter()
        module.run(inputs, outputs, params)
        seconds = time.perf_counter() - start - clock.seconds[LOADING]
        return seconds, clock, len(Dataset({**outputs, **inputs}[COUNTED[step.name]]))


def _encoding(module: ModuleType) -> list[tuple[Any, str, str]]:
    """Pictures that a stage encodes for its dataset, if it does so in the main thread."""
    return [(module, "encode_png", "writing")] if hasattr(module, "encode_png") else []


def _recorder(clock: Clock, models: Models) -> Callable[[Any], object]:
    def record(loaded: Any) -> None:
        for owner, name in models(loaded):
            clock.watch(owner, name, MODEL, record=True)

    return record


@torch.inference_mode()
def _repeat(calls: Sequence[Call], device: torch.device) -> float:
    """The seconds that the recorded calls take by themselves."""
    _settle(device)
    start = time.perf_counter()
    for function, arguments, named in calls:
        function(*arguments, **named)
    _settle(device)
    return time.perf_counter() - start


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _shares(measured: Sequence[tuple[float, Mapping[str, float]]]) -> dict[str, float]:
    """Part -> median share of the seconds, the largest first; `rest` is what no part accounts for."""
    names = {name for _, parts in measured for name in parts} - {LOADING}
    shares = {name: statistics.median(parts.get(name, 0.0) / total for total, parts in measured) for name in names}
    return dict(sorted(shares.items(), key=lambda item: -item[1])) | {REST: 1 - sum(shares.values())}
