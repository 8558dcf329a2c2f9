"""The engines of the benchmark: ours and its peers on a CPU and on a CUDA device.

Each finds the pairs src < dst with low <= similarity <= high among fp16 vectors [N, d] in the machine's own memory, and
leaves them there, sorted; whatever a library needs to get there (an index, a copy on the device, the conversion of its
answer to pairs) counts. Each engine imports the libraries that it needs, so that no process loads another's.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from components.common.errors import UserError
from components.mining.bench.synthetic import HIGH, LOW

NEIGHBOURS = 50  # that nearest-neighbour searches return
SIDE = 16_384  # rows and columns of a block of torch's similarities on a CUDA device: 512 MiB in fp16
HALF = 0.005  # more than fp16 can change a similarity
OURS = "ours"
Keys = np.ndarray  # src * N + dst of every pair, int64, ascending
Engine = Callable[[np.ndarray], Keys]
Maker = Callable[[str], tuple[Engine, int]]
"""From a device, cpu or cuda, to the engine and the number of its threads."""


def _ours(device: str) -> tuple[Engine, int]:
    import torch

    from components.common.join.exact import window_join

    def join(vectors: np.ndarray) -> Keys:
        pairs = window_join(vectors, LOW, HIGH, device=device)
        return pairs.src * len(vectors) + pairs.dst

    return join, torch.get_num_threads()


def _torch_tiles(device: str) -> tuple[Engine, int]:
    import torch

    from components.common.join.built import Isa
    from components.common.join.exact import window_join

    def join(vectors: np.ndarray) -> Keys:
        pairs = window_join(vectors, LOW, HIGH, device=device, isa=Isa.NONE)
        return pairs.src * len(vectors) + pairs.dst

    return join, torch.get_num_threads()


def _range_search(device: str) -> tuple[Engine, int]:
    import faiss

    def join(vectors: np.ndarray) -> Keys:
        values = vectors.astype(np.float32)
        index = faiss.IndexFlatIP(values.shape[1])
        index.add(values)
        limits, scores, dst = index.range_search(values, LOW)
        src = np.repeat(np.arange(len(values)), np.diff(limits).astype(np.int64))
        keep = (src < dst) & (scores <= HIGH)
        return np.sort(src[keep] * len(values) + dst[keep])

    return join, faiss.omp_get_max_threads()


def _knn(device: str) -> tuple[Engine, int]:
    import faiss

    def join(vectors: np.ndarray) -> Keys:
        return _nearest(faiss.IndexFlatIP(vectors.shape[1]), vectors)

    return join, faiss.omp_get_max_threads()


def _knn_gpu(device: str) -> tuple[Engine, int]:
    import faiss

    resources, config = faiss.StandardGpuResources(), faiss.GpuIndexFlatConfig()
    config.useFloat16 = True  # the vectors are fp16, so nothing is lost and the tensor cores are used

    def join(vectors: np.ndarray) -> Keys:
        return _nearest(faiss.GpuIndexFlatIP(resources, vectors.shape[1], config), vectors)

    return join, faiss.omp_get_max_threads()


def _nearest(index: Any, vectors: np.ndarray) -> Keys:
    """The pairs among each vector's `NEIGHBOURS` nearest, from a faiss index that is empty and filled here."""
    values = vectors.astype(np.float32)
    index.add(values)
    scores, dst = index.search(values, NEIGHBOURS)
    src = np.arange(len(values))[:, None]
    keep = (src != dst) & (scores >= LOW) & (scores <= HIGH)
    return np.unique((np.minimum(src, dst) * len(values) + np.maximum(src, dst))[keep])


def _torch_compare(device: str) -> tuple[Engine, int]:
    """fp16 similarities on and above the diagonal, compared with the window; pairs that pass are rescored in fp32."""
    import torch

    def join(vectors: np.ndarray) -> Keys:
        rows = torch.from_numpy(vectors).to(device)
        parts = []
        for row in range(0, len(rows), SIDE):
            for column in range(row, len(rows), SIDE):
                scores = rows[row : row + SIDE] @ rows[column : column + SIDE].T
                src, dst = torch.nonzero(scores >= LOW - HALF, as_tuple=True)
                parts.append(_inside(rows, src + row, dst + column))
        return torch.cat(parts).sort().values.cpu().numpy()

    return join, torch.get_num_threads()


def _torch_topk(device: str) -> tuple[Engine, int]:
    """All fp16 similarities of some rows at a time; the `NEIGHBOURS` greatest of each are rescored in fp32."""
    import torch

    def join(vectors: np.ndarray) -> Keys:
        rows = torch.from_numpy(vectors).to(device)
        parts = []
        for part in torch.arange(len(rows), device=device).split(max(SIDE * SIDE // len(rows), 1)):
            dst = torch.topk(rows[part] @ rows.T, min(NEIGHBOURS, len(rows))).indices
            src = part[:, None].expand_as(dst)
            parts.append(_inside(rows, torch.minimum(src, dst).flatten(), torch.maximum(src, dst).flatten()))
        return torch.cat(parts).unique().cpu().numpy()

    return join, torch.get_num_threads()


def _inside(rows: Any, src: Any, dst: Any) -> Any:
    """Keys of the pairs src < dst that are in the window in fp32. rows: fp16 tensor [N, d]; src, dst: int64 [P]."""
    ordered = src < dst
    src, dst = src[ordered], dst[ordered]
    score = (rows[src].float() * rows[dst].float()).sum(dim=1)
    return (src * len(rows) + dst)[(score >= LOW) & (score <= HIGH)]


PEERS: dict[str, dict[str, Maker]] = {
    "cpu": {"torch": _torch_tiles, "faiss-range": _range_search, "faiss-knn": _knn},
    "cuda": {"torch-compare": _torch_compare, "torch-topk": _torch_topk, "faiss-gpu": _knn_gpu},
}


def make(name: str, device: str) -> tuple[Engine, int]:
    """An engine by name, and the number of its threads."""
    return ({OURS: _ours} | PEERS[device])[name](device)


def choose_peers(names: list[str], device: str) -> list[str]:
    """`names`, or all peers that this machine can run if none is named; `ours` alone means no peer.

    Raises `UserError` for a device or peer that is unknown or not available here.
    """
    if device not in PEERS:
        raise UserError(f"there is no device '{device}': choose among {', '.join(PEERS)}")
    if names == [OURS]:
        return []
    if unknown := [name for name in names if name not in PEERS[device]]:
        raise UserError(f"there is no peer '{unknown[0]}' on {device}: choose among {', '.join(PEERS[device])}")
    if device == "cpu":
        return names or list(PEERS[device])
    return _cuda_peers(names)


def _cuda_peers(names: list[str]) -> list[str]:
    import faiss
    import torch

    if not torch.cuda.is_available():
        raise UserError("torch finds no CUDA device on this machine: leave out --device to measure its CPU")
    on_gpu = hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0
    if "faiss-gpu" in names and not on_gpu:
        raise UserError("faiss was built without CUDA: leave out --peers faiss-gpu or install faiss-gpu")
    return names or [name for name in PEERS["cuda"] if name != "faiss-gpu" or on_gpu]


def device_peak_bytes(device: str) -> int | None:
    """Torch's peak memory on the device since the last call; None if it used none."""
    if device == "cpu":
        return None
    import torch

    peak = torch.cuda.max_memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    return peak or None
