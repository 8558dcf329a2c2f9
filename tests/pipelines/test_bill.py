"""What `objectmate plan` and `objectmate bench` print, write and draw."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from components.common.peak import Peak
from components.mining.bench.measure import Row
from pipelines.cli.app import app
from pipelines.cli.bench import _explained, draw


def test_a_bill_is_printed_and_written(tmp_path):
    words = ["plan", "--objects", "55.2e6", "--dim", "64", "--device", "h200", "--price", "3"]
    done = CliRunner().invoke(app, [*words, "--json", str(tmp_path / "bill.json")], env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    for said in ("1.95e+17 FLOP", "6.6 GiB", "13.1 min", "$0.66", "published, not measured", "2 per object: assumed"):
        assert said in done.output
    bill = json.loads((tmp_path / "bill.json").read_text())
    assert bill["job"]["objects"] == 55_200_000 and bill["speed"]["measured"] is False
    assert bill["flop"] == pytest.approx(1.950e17, rel=1e-3)
    assert bill["dollars"] == pytest.approx(3 * bill["seconds"] / 3600)


def test_a_bill_that_is_too_long_comes_with_advice():
    done = CliRunner().invoke(
        app, ["plan", "--objects", "4e9", "--dim", "768", "--device", "l40s"], env={"COLUMNS": "200"}
    )
    assert "rows are too many for the join" in done.output and "do not fit into" in done.output


def test_looking_up_a_card_loads_no_torch():
    code = (
        "import sys; from components.mining.bench.plan import Job; from pipelines.cli.plan import plan_join;"
        "plan_join(Job(10**6, 64), 'h100', None); print('torch' in sys.modules)"
    )
    looked_up = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert looked_up.stdout.splitlines()[-1] == "False"


def test_the_benchmark_prints_which_instruction_set_ours_used():
    ours = replace(row("ours", 640, 24, 1.0), kernel="kernel: AVX512")
    assert _explained([ours, row("torch", 640, 24, 2.0)]).startswith("ours, kernel: AVX512. ")


def row(engine: str, n: int, d: int, seconds: float) -> Row:
    """A row as the benchmark returns it."""
    return Row(engine, "cpu", 1, n, d, seconds, seconds / 0.1, 4.0, None, 0.5, Peak(1e11, ""), n, 0, True, 2**28, None)


def test_a_plot_has_a_panel_for_each_dimension(tmp_path):
    engines = {"ours": 1.0, "torch": 5.0}
    rows = [
        row(name, n, d, n**2 * d * slowness)
        for d in (64, 128)
        for n in (1000, 2000, 4000)
        for name, slowness in engines.items()
    ]
    draw(rows[: len(rows) // 2], tmp_path / "one.png")
    draw(rows, tmp_path / "two.png")
    one, two = (np.asarray(Image.open(tmp_path / f"{name}.png").convert("RGB")) for name in ("one", "two"))
    assert two.shape[0] == one.shape[0] and two.shape[1] == pytest.approx(2 * one.shape[1], abs=1)
    for colour in ((31, 119, 180), (255, 127, 14)):  # the first two of matplotlib's cycle: one line per engine
        assert (one == colour).all(axis=2).sum() > 100
