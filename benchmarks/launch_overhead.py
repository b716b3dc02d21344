"""The default study with warm workers against the same runs as one process each, at the same parallelism.

    python benchmarks/launch_overhead.py

The second way is the shell loop around a training script that the suite replaces: each run imports PyTorch anew.
"""

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from studies.records.run_record import run_records
from studies.training.environment import available_cpus

ONE_RUN = """
import sys
from pathlib import Path
from studies.command.train import read_config
from studies.training.config import resolve
from studies.training.execute import attempt
from studies.training.run import Execution, Place, Run
config = resolve(read_config(Path(sys.argv[1])))
attempt(Run("0" * 12, "alone", "arm", {}, config, Path(sys.argv[2])), Execution(), Place(), lambda _: None, 1)
"""


def main() -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        command = [sys.executable, "-c", "from studies.command.main import main; main()", "run", "batch_norm"]
        subprocess.run([*command, "--out", f"{folder}/study", "--wandb", "disabled"], check=True, capture_output=True)
        together = time.perf_counter() - start

        configs = [record.config_file for record in run_records(Path(folder, "study", "batch_norm"))]

        def alone(config: Path) -> None:
            arguments = [sys.executable, "-c", ONE_RUN, str(config), f"{folder}/alone/{config.parent.name}"]
            subprocess.run(arguments, check=True, capture_output=True, env={**os.environ, "OMP_NUM_THREADS": "1"})

        start = time.perf_counter()
        with ThreadPoolExecutor(available_cpus()) as pool:
            list(pool.map(alone, configs))
        apart = time.perf_counter() - start
    print(f"{len(configs)} runs of batch_norm, {available_cpus()} at a time: {together:.1f} s with warm workers,")
    print(f"{apart:.1f} s as one process each; ratio {together / apart:.2f}")


if __name__ == "__main__":
    main()
