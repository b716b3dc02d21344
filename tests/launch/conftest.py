"""A real SLURM, where there is one: `.ci/run` starts a small one where it can."""

import shutil
import subprocess
import time
from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def slurm() -> Callable[..., str]:
    """A function that asks the cluster; the test is skipped where there is none."""
    if shutil.which("sbatch") is None:
        pytest.skip("no SLURM here: sbatch is not on PATH")
    try:
        subprocess.run(["sinfo"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.SubprocessError) as error:
        pytest.skip(f"SLURM does not answer: {error}")

    def ask(*command: str) -> str:
        # slurmctld may be away for a while, as in one of the tests.
        for _ in range(30):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if not done.returncode:
                return done.stdout
            time.sleep(1)
        raise AssertionError(done.stderr)

    return ask
