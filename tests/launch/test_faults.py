"""A short form of `benchmarks/faults.py`: random kills lose nothing, train nothing twice and change no bit."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_random_kills_lose_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    storm = [sys.executable, str(ROOT / "benchmarks" / "faults.py"), "--kills", "6", "--runs", "6", "--seed", "7"]
    done = subprocess.run(
        [*storm, "--out", str(tmp_path)], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=500
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("local: 6 kills over ")
    assert second == "lost 0, trained twice 0, records that differ 0"
