"""The machine: processor and mining kernel, cores, memory, GPU, disk."""

import os
import shutil
import sys
from importlib import metadata, util
from pathlib import Path

from pipelines.doctor.finding import Finding, setting
from pipelines.doctor.packages import how_to_install

GIB = 1 << 30
LEAST_MEMORY, LEAST_DISK = 6 * GIB, 2 * GIB
"""What the default run takes at most, bytes."""
CGROUPS = Path("/sys/fs/cgroup")


def kernel() -> Finding:
    """Which instruction set the join uses."""
    from components.common.join.built import Isa, best_isa, in_words, library

    isa = best_isa()
    if isa != Isa.NONE:
        return Finding("mining kernel", "ok", f"the join uses {isa.name} instructions")
    says = in_words(isa, "cpu").partition(": ")[2]
    if library():
        return Finding("mining kernel", "limits you", says)
    return Finding("mining kernel", "absent", says.partition(": ")[0], "install g++, then run `make setup`")


def cores() -> Finding:
    """Processor cores that this process may use."""
    here, allowed = len(os.sched_getaffinity(0)), cgroup_cores()
    usable = min(here, allowed or here)
    says = f"{usable:g} of {os.cpu_count()} cores may be used"
    says += f" (the container's limit is {allowed:g})" if allowed and allowed < here else ""
    if usable < 2:
        return Finding("cores", "limits you", f"{says}; the stated times are for 2", "give this machine or container 2")
    return Finding("cores", "ok", says)


def memory() -> Finding:
    """Memory that this process may use, and how much of it is free."""
    import psutil

    machine, limit = psutil.virtual_memory(), cgroup_memory()
    total = min(machine.total, limit or machine.total)
    says = f"{total / GIB:.1f} GiB, of which {min(machine.available, total) / GIB:.1f} are free"
    says += " (the container's limit)" if limit and limit < machine.total else ""
    if min(machine.available, total) < LEAST_MEMORY:
        least = f"the default run takes up to {LEAST_MEMORY // GIB} GiB"
        return Finding("memory", "limits you", f"{says}; {least}", "end other programs, or raise the container's limit")
    return Finding("memory", "ok", says)


def cgroup_cores(root: Path = CGROUPS) -> float | None:
    """The control groups' limit on processor time, in cores; None if there is none."""
    quotas = [text.split() for text in _limits(root, "cpu.max")]
    return min((int(quota) / int(period) for quota, period in quotas if quota != "max"), default=None)


def cgroup_memory(root: Path = CGROUPS) -> int | None:
    """The control groups' limit on memory, bytes; None if there is none."""
    limits = [*_limits(root, "memory.max"), *_limits(root / "memory", "memory.limit_in_bytes")]
    return min((int(text) for text in limits if text != "max" and int(text) < 1 << 60), default=None)


def _limits(root: Path, name: str) -> list[str]:
    """The contents of a limit's file, in this process's group and its parents."""
    groups = Path("/proc/self/cgroup")
    lines = groups.read_text(encoding="utf-8").splitlines() if groups.is_file() else []
    own = next((line[3:] for line in lines if line.startswith("0::")), "/")
    folder = root / own.strip("/")
    files = [path / name for path in (folder, *folder.parents) if path.is_relative_to(root)]
    return [path.read_text(encoding="utf-8").strip() for path in files if path.is_file()]


def gpu() -> Finding:
    """An NVIDIA GPU, and whether this torch can use it."""
    version = metadata.version("torch") if util.find_spec("torch") else "absent"
    if not (Path("/dev/nvidiactl").exists() or shutil.which("nvidia-smi")):
        return Finding("GPU", "absent", f"no NVIDIA GPU (torch {version}); only the hub's large models need one")
    import torch

    if not torch.cuda.is_available():
        return Finding(
            "GPU",
            "absent",
            f"there is an NVIDIA GPU, but torch {torch.__version__} cannot use it",
            "UV_TORCH_BACKEND=auto make setup (a CUDA build of torch), or fix the driver",
        )
    name, size = torch.cuda.get_device_name(), torch.cuda.get_device_properties(0).total_memory / GIB
    says = f"{name}, {size:.0f} GiB (torch {torch.__version__})"
    if not util.find_spec("triton"):
        return Finding("GPU", "limits you", f"{says}; without triton the join is slow", how_to_install("gpu"))
    return Finding("GPU", "ok", says)


def disk() -> list[Finding]:
    """Free space for the workspaces here, and for models from the hub; and whether this folder can be written."""
    cache = Path(setting("HF_HUB_CACHE") or Path(setting("HF_HOME") or "~/.cache/huggingface") / "hub").expanduser()
    return [_space("workspace", Path(), needed=True), _space("model cache", cache, needed=False)]


def _space(name: str, folder: Path, needed: bool) -> Finding:
    existing = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(existing).free
    says = f"{free / GIB:.0f} GiB are free for {folder.absolute()}"
    if not os.access(existing, os.W_OK):
        return Finding(
            name, "absent", f"{folder.absolute()} cannot be written", "use a folder that you may write to", needed
        )
    if free < LEAST_DISK:
        says += f"; a run takes up to {LEAST_DISK // GIB} GiB"
        return Finding(name, "absent" if needed else "limits you", says, "free some space, or use another disk", needed)
    return Finding(name, "ok", says)


def python() -> Finding:
    """Whether the Python version is one that the package requires."""
    from packaging.specifiers import SpecifierSet

    wanted = metadata.metadata("objectmate")["Requires-Python"] or ""
    version = sys.version.split()[0]
    if SpecifierSet(wanted).contains(version, prereleases=True):
        return Finding("Python", "ok", f"{version} ({sys.executable})", needed=True)
    return Finding(
        "Python", "absent", f"{version}; {wanted} is needed", "install that version, then run `make setup`", True
    )
