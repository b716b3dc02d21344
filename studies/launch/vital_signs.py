"""Whether a worker still makes progress, and how much memory it has taken: what is told of one that hangs or dies."""

import time
from collections.abc import Iterable
from pathlib import Path

FIRST_SILENCE = 3600.0
"""Seconds that a run may take to its first sign of progress: reading data and compiling are slow."""

LEAST_SILENCE = 600.0
"""Seconds without progress before which no worker is taken to hang."""

USUAL_SILENCES = 30.0
"""A worker hangs where it is silent for so many times the longest silence of its run so far."""


class VitalSigns:
    """What the launcher has seen of the processes of one worker since it gave them a run."""

    def __init__(self) -> None:
        self.peak_kib = 0
        self._heard = time.monotonic()
        self._longest: float | None = None
        self._out_of_memory = times_out_of_memory()

    def heard(self) -> None:
        """There was a sign of progress."""
        now = time.monotonic()
        # The silence before the first sign says nothing of the steps.
        self._longest = 0.0 if self._longest is None else max(self._longest, now - self._heard)
        self._heard = now

    def look(self, processes: Iterable[int | None]) -> None:
        """Look how much memory the processes of these numbers have taken at most."""
        self.peak_kib = max([self.peak_kib, *(_peak_kib(number) for number in processes)])

    def hangs(self) -> float | None:
        """Return for how many seconds there was no progress where that is too long, else None."""
        silent = time.monotonic() - self._heard
        usual = FIRST_SILENCE if self._longest is None else max(LEAST_SILENCE, USUAL_SILENCES * self._longest)
        return silent if silent > usual else None

    def ran_out_of_memory(self) -> bool:
        """Whether the system has killed a process for its memory since."""
        return times_out_of_memory() > self._out_of_memory

    @property
    def memory(self) -> str:
        """The most memory that one of the processes was seen with, in words."""
        mib = self.peak_kib / 1024
        return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def times_out_of_memory() -> int:
    """Return how often the system has killed a process because memory ran out; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _peak_kib(number: int | None) -> int:
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
