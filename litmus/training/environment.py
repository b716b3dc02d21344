"""The environment of a run, which is recorded with its results: versions of code and libraries, hardware, threads."""

import importlib.metadata
import os
import platform
import re
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import joblib
import torch

LIBRARIES = ("torch", "torchvision", "lightning", "torchmetrics", "numpy", "scikit-learn")


def available_cpus() -> int:
    """Return the number of CPUs this process may use: by its affinity, its control group's quota and SLURM."""
    found: int = joblib.cpu_count()
    # SLURM sets it where a job asked for cores, and may not bind the job's processes to them.
    granted = os.environ.get("SLURM_CPUS_PER_TASK", "")
    return min(found, int(granted) or found) if granted.isdecimal() and "SLURM_JOB_ID" in os.environ else found


@lru_cache(maxsize=1)
def package_version() -> str:
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
    cuda = device.type == "cuda"
    hardware = torch.cuda.get_device_name(device) if cuda else platform.machine()
    return {
        "code": package_version(),
        "python": platform.python_version(),
        **{library: _version(library) for library in LIBRARIES},
        **(gpu_versions() if cuda else {}),
        "device": device.type,
        "hardware": hardware,
        "devices": devices,
        "threads": threads,
        "host": platform.node(),
    }


def gpu_versions(driver: Path = Path("/proc/driver/nvidia/version")) -> dict[str, str]:
    """Return the versions of what computes on NVIDIA's GPUs; the driver is that of `driver`, `unknown` without it."""
    try:
        found = re.search(r"Kernel Module.*? (\d+\.[\d.]+)", driver.read_text())
    except OSError:
        found = None
    nccl = torch.cuda.nccl.version() if torch.distributed.is_nccl_available() else "absent"
    return {
        "driver": found[1] if found else "unknown",
        "cuda": str(torch.version.cuda),
        "cudnn": str(torch.backends.cudnn.version()),
        "nccl": ".".join(map(str, nccl)) if isinstance(nccl, tuple) else str(nccl),
    }


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "absent"
