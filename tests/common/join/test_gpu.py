"""The GPU kernel: its slack, its buffer, and that it compiles; test_join.py checks that it finds the right pairs.

It runs in Triton's interpreter, on the CPU, unless TRITON_INTERPRET=0 says that there is a GPU.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from join_data import ON_GPU, assert_equal, brute_force, spiky_vectors, unit

from components.common.join import exact as join
from components.common.join.built import Isa
from components.common.join.exact import window_join

pytest.importorskip("triton")
gpu = pytest.importorskip("components.common.join.gpu")


def rounding_down() -> np.ndarray:
    """Two equal vectors [2, 64] that lose nearly half a step of fp16 in every coordinate."""
    return np.full((2, 64), 0.125 + 0.99 * 2.0**-14, np.float32)


@settings(max_examples=40, deadline=None)
@given(spiky_vectors(), st.sampled_from([torch.float16, torch.bfloat16, torch.float32]))
def test_no_similarity_is_above_the_product_by_more_than_the_slack(vectors, dtype):
    """Including vectors some of whose coordinates are too small for fp16."""
    prepared = gpu.Gpu(torch.from_numpy(vectors).to(dtype), None)
    product = prepared.half.float() @ prepared.half.float().T
    exact = brute_force(prepared.values, -2, 2)
    assert (exact.similarity <= product[exact.src, exact.dst].numpy() + prepared.slack).all()


def test_the_slack_covers_the_worst_rounding_and_hardly_more():
    rows = torch.from_numpy(rounding_down())
    prepared, exact = gpu.Gpu(rows, None), float(brute_force(rows, -2, 2).similarity[0])
    product = float(prepared.half[0].double() @ prepared.half[1].double())
    lost = exact - product
    assert lost > 9e-4
    assert exact <= product + prepared.slack <= exact + 0.1 * lost


def test_without_the_slack_a_pair_at_the_edge_would_be_lost(monkeypatch):
    rows = rounding_down()
    edge = float(brute_force(rows, -2, 2).similarity[0])
    assert window_join(rows, edge, **ON_GPU).dst.tolist() == [1]
    monkeypatch.setattr(gpu, "slack", lambda *_: 0.0)
    assert not len(window_join(rows, edge, **ON_GPU).dst)


def test_fp16_input_needs_hardly_any_slack():
    rows = torch.from_numpy(unit(np.random.default_rng(0), 50, 64))
    assert gpu.Gpu(rows, None).slack < 1e-4 < gpu.Gpu(torch.from_numpy(rounding_down()), None).slack


def test_a_full_buffer_loses_nothing(monkeypatch):
    """24 equal vectors: every column has more hits than 16 words hold, so that columns and then rows are halved."""
    monkeypatch.setattr(gpu, "CAPACITY", 16)
    vectors = np.tile(unit(np.random.default_rng(1), 1, 24), (24, 1))
    groups = np.arange(24) // 2
    assert_equal(window_join(vectors, 0.9, groups=groups, **ON_GPU), brute_force(vectors, 0.9, 2, groups))


@pytest.mark.parametrize("strip", [1, 2])
@pytest.mark.parametrize("dim", [8, 130, 200])
def test_strips_and_widths_change_nothing(dim, strip, monkeypatch):
    """Several strips of columns, and rows that are too wide for a program to keep and not a multiple of its loads."""
    monkeypatch.setattr(gpu, "STRIP", strip)
    vectors = unit(np.random.default_rng(dim), 550, dim, clusters=60)
    expected = window_join(vectors, 0.8, 0.97)
    assert len(expected.src) > 500
    assert_equal(window_join(vectors, 0.8, 0.97, tile=300, **ON_GPU), expected)


@pytest.mark.parametrize(
    ("capability", "installed", "isa"),
    [((9, 0), True, Isa.PTX), ((8, 0), True, Isa.PTX), ((7, 5), True, Isa.NONE), ((9, 0), False, Isa.NONE)],
)
def test_cuda_uses_the_kernel_where_it_can_run(capability, installed, isa, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    monkeypatch.setattr(join, "find_spec", lambda name: object() if installed else None)
    assert join.best_engine(torch.device("cuda")) == isa


@pytest.mark.parametrize(("width", "block", "config"), [(64, 64, 0), (768, 64, 1)])
def test_it_compiles_for_hopper(width, block, config, tmp_path):
    """Needs no GPU. Runs in a separate process, since the interpreter has replaced the compiler in this one."""
    environment = os.environ | {"TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, Path(__file__).with_name("compile_kernel.py"), *map(str, (width, block, config))]
    ptx = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    assert "wgmma.mma_async" in ptx  # fp16 in tensor cores
    assert "cp.async.bulk.tensor" in ptx  # tiles are loaded by the tensor memory accelerator
