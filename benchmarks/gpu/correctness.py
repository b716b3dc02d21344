"""Every promise on the device: the same batches and first steps as on a CPU, runs that repeat to the last bit.

    python -m benchmarks.gpu.correctness [--device cuda] [--small] [--minutes 9] [--out DIR]

A row passes, fails with what was measured, or is skipped with the reason; the same command goes on where it stopped.
Where a row compares arithmetic, the measure is the distance from float64 on the CPU.
"""

import os
from collections.abc import Iterator

from benchmarks.gpu import first_steps, whole_runs
from benchmarks.gpu.ledger import Check, Setting, conduct


def checks(setting: Setting) -> Iterator[tuple[str, Check]]:
    """Yield all rows, those first on which the others rest."""
    yield from first_steps.checks(setting)
    yield from whole_runs.checks(setting)


if __name__ == "__main__":
    # What a deterministic matrix product takes, and has to be there before the first of them.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    conduct("correctness", __doc__, checks)
