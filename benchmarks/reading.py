"""How long commands that only read take, and how long and how much memory 10,000 recorded runs take to load.

    python benchmarks/reading.py

trains one small run, copies its record as two studies, one of 60 runs (as many as `litmus run batch_norm` leaves) and
one of 10,000, and reads them in a process of its own each time: the median of three. `import torch, lightning` is the
alternative that every command used to begin with.
"""

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from litmus.records.run_record import run_records

LITMUS = "import sys; from litmus.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
LOAD = "import sys, studies; print(len(litmus.load(sys.argv[1])))"
CURVES = "import sys, studies; print(len(litmus.load(sys.argv[1], curves=True)))"
PEAK = "\nimport resource; print('KiB', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"


def main() -> None:
    """Print seconds and memory of each."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "runs"
        subprocess.run(
            [sys.executable, "-c", LITMUS, "train", "--model", "mlp", "--data", "digits", "--trainer.epochs", "5",
             "--name", "one", "--out", str(out), "--wandb", "disabled"],
            check=True, capture_output=True,
        )  # fmt: skip
        multiply(out / "one", out / "sixty", arms=12, seeds=5)
        multiply(out / "one", out / "large", arms=100, seeds=100)
        report("import torch, lightning", "import sys, torch, lightning.pytorch")
        for command in ("list", "list studies", "list archs", "status", "status sixty", "report sixty",
                        "power sixty --effect 1", "status large"):  # fmt: skip
            at = [] if command.startswith("list") else ["--out", str(out)]
            report(f"litmus {command}", LITMUS.replace("sys.exit(", "code = (") + PEAK, *command.split(), *at)
        report("load 10,000 runs", LOAD + PEAK, str(out / "large"))
        report("load the curves of 10,000 runs", CURVES + PEAK, str(out / "large"))


def multiply(one: Path, study: Path, arms: int, seeds: int) -> None:
    """Write the record of a study whose runs all are copies of the one run of another."""
    record = json.loads((one / "study.json").read_text())
    (run,) = (record.path for record in run_records(one))
    files = [path for path in sorted(run.rglob("*")) if path.is_file()]
    config = (run / "config.yaml").read_text()
    listed = []
    for arm in range(arms):
        runs = {str(seed): f"{arm:06x}{seed:06x}" for seed in range(seeds)}
        listed.append({**record["arms"][0], "label": f"lr {arm}", "levels": {"optim.lr": arm}, "runs": runs})
        listed[-1]["is_baseline"] = arm == 0
        for seed, name in runs.items():
            (study / name / "checkpoints").mkdir(parents=True)
            for file in files:
                target = study / name / file.relative_to(run)
                if file.suffix == ".ckpt":
                    target.symlink_to(file)
                else:
                    shutil.copyfile(file, target)
            (study / name / "config.yaml").write_text(config.replace("\nseed: 0", f"\nseed: {seed}"))
    record |= {"study": study.name, "factors": {"optim.lr": list(range(arms))}, "arms": listed}
    (study / "study.json").write_text(json.dumps(record))


def report(what: str, code: str, *arguments: str) -> None:
    """Print the median time of running Python code in a new process, and its peak memory where it says so."""
    seconds, memory = [], ""
    for _ in range(3):
        start = time.perf_counter()
        result = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
        seconds.append(time.perf_counter() - start)
        peak = [line for line in result.stderr.splitlines() if line.startswith("KiB")]
        memory = f"{int(peak[0].split()[1]) / 1024:6.0f} MiB" if peak else ""
    print(f"{what:32} {statistics.median(seconds):6.2f} s {memory}", flush=True)


if __name__ == "__main__":
    main()
