"""The bare loop computes what ours does, bit for bit; a loop that does other work is no measure for ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from short_training import BATCH, make_params

from components.common import peak
from components.common.errors import StageFailed, UserError
from components.training.bench.bare import Bare
from components.training.bench.measure import Row, bench
from components.training.params import Params
from pipelines.cli.bench_training import draw


@pytest.fixture(scope="module", autouse=True)
def small_products() -> Iterator[None]:
    """The peak of this machine does not matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(peak.LARGE, "cpu", 128)
        patch.setattr(peak, "SMALL", 64)
        yield


def short(base: Path, **changes: Any) -> Params:
    return make_params(base, **({"threads": 1} | changes))


@pytest.fixture(scope="module")
def row(base: Path, latents: Path) -> Row:
    """Two forward passes a step, and a checkpoint in the middle."""
    return bench(latents, short(base, accumulate=2, checkpoint_every=3 * BATCH), blocks=4, block=2)


def test_both_loops_are_measured_in_turn(row: Row, tmp_path: Path) -> None:
    assert len(row.pairs) == 3 and row.low <= row.ratio <= row.high
    assert row.images_per_second > 0 and 0 < row.waiting < 1 and 0 < row.bare_waiting < 1
    assert row.peak_share == pytest.approx(row.flops / (BATCH / row.images_per_second) / row.peak.flops)
    assert "float32 product" in row.peak.what
    draw([row], tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 5_000


def test_a_step_is_counted_with_all_its_forward_passes(row: Row, base: Path, latents: Path) -> None:
    whole = bench(latents, short(base, decay="cosine"), blocks=3, block=1)
    assert whole.flops == pytest.approx(row.flops) and whole.flops > 1e7


def test_generation_is_measured_too(base: Path, latents: Path) -> None:
    assert bench(latents, short(base, task="generation"), blocks=3, block=1).task == "generation"


def test_other_losses_are_refused(base: Path, latents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Bare.sample_losses

    def nearly(self: Bare, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return original(self, batch) * (1 + 3e-7 * (len(self.losses) == 2))

    monkeypatch.setattr(Bare, "sample_losses", nearly)
    with pytest.raises(StageFailed, match="differ from step 3 on"):
        bench(latents, short(base), blocks=4, block=1)


def test_another_average_is_refused(base: Path, latents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forgets(self: Bare, averages: list[torch.Tensor], weights: list[torch.Tensor], count: Any) -> None:
        torch._foreach_copy_(averages, weights)

    monkeypatch.setattr(Bare, "_move_average", forgets)
    with pytest.raises(StageFailed, match="the averages of"):
        bench(latents, short(base), blocks=3, block=1)


@pytest.mark.parametrize(
    ("changes", "blocks", "sentence"),
    [({}, 2, "--blocks of at least 3"), ({"processes": 2}, 3, "the bare loop is one process")],
)
def test_what_cannot_be_measured_is_refused(
    changes: dict[str, Any], blocks: int, sentence: str, base: Path, latents: Path
) -> None:
    with pytest.raises(UserError, match=sentence):
        bench(latents, short(base, **changes), blocks, 1)
