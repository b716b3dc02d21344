"""Where a run took place: code and library versions, device, threads; recorded beside its identity."""

import importlib.metadata
import math
import os
import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("torch", "torchvision", "lightning", "torchmetrics", "numpy", "scikit-learn")


def available_cpus() -> int:
    """Return the number of CPUs this process may use: by its affinity, its container's quota and SLURM's word."""
    found = [len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1]
    quota = _cgroup_cpus(Path("/sys/fs/cgroup"))
    if quota is not None:
        found.append(max(1, math.ceil(quota)))
    # SLURM says it where the job asked for it, and where it does not bind processes to them.
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    if granted.isdigit() and "SLURM_JOB_ID" in os.environ:
        found.append(int(granted))
    return min(found)


def _cgroup_cpus(root: Path) -> float | None:
    """Return the CPUs' worth of time that this process's control group and those above it get, None for no limit.

    As a container sees it, where its own group is the root, and as a process of the machine does.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    own = next((line.split(":", 2)[2].lstrip("/") for line in lines if line.startswith("0::")), "")
    groups = [root, *(root / part for part in _beginnings(own))]
    limits = [limit for group in groups if (limit := _quota(group)) is not None]
    return min(limits, default=None)


def _beginnings(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _quota(group: Path) -> float | None:
    try:
        # Version 2 in one file, version 1 in two.
        if (group / "cpu.max").exists():
            quota, period = (group / "cpu.max").read_text().split()
        else:
            quota = (group / "cpu" / "cpu.cfs_quota_us").read_text().strip()
            period = (group / "cpu" / "cpu.cfs_period_us").read_text().strip()
        return int(quota) / int(period) if quota not in ("max", "-1") else None
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return the git commit of this code, with `+changes` where files differ from it; else the package's version."""
    root = Path(__file__).resolve().parents[2]

    def git(*arguments: str) -> str:
        command = ("git", "-C", str(root), *arguments)
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")) == root:
            changed = git("status", "--porcelain", "--untracked-files=no")
            return git("rev-parse", "--short=12", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        pass
    return _version("litmus-ablations")


def environment(device: torch.device, devices: int, threads: int) -> dict[str, Any]:
    """Return versions, hardware and thread count of this process's runs."""
    hardware = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return {
        "code": code_version(),
        "python": platform.python_version(),
        **{library: _version(library) for library in LIBRARIES},
        "device": device.type,
        "hardware": hardware,
        "devices": devices,
        "threads": threads,
        "host": platform.node(),
    }


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
