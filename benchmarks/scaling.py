"""How costs grow with a study's size: seconds and memory of each command with 100, 1,000 and 10,000 recorded runs, and
what one run costs on top of its training.

    python benchmarks/scaling.py [--runs 100 1000 10000] [--out DIR]
    python benchmarks/scaling.py --overhead [--runs 200] [--alternatives 20]

The first trains one run and writes its record as those of a study of so many, each with its own identity and numbers.
Each command then is a separate process, whose peak memory is that of its address space. `submit` needs SLURM; its
jobs are held, and cancelled at once.

The second trains so many runs of one step with warm workers, and a few of them by one process each and by submitit's
local executor, two ways to do without; what they take is in proportion to the runs.
"""

import argparse
import io
import json
import math
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import submitit

from litmus.design.plan import Plan, expand
from litmus.design.study import Study
from litmus.records.run_record import RunRecord, run_records
from litmus.records.storage import to_json
from litmus.records.study_record import write_study_record
from litmus.training.environment import available_cpus
from litmus.training.identity import run_id
from litmus.training.run import Run

PEAK = """
import atexit, sys
def _peak():
    line = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print("KiB", line.split()[1], file=sys.stderr, flush=True)
atexit.register(_peak)
"""
LITMUS = PEAK + "from litmus.cli.main import run_command; sys.exit(run_command(sys.argv[1:]))"
CONDUCT = (
    PEAK
    + """
import json
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch.conduct import conduct
from litmus.launch.config import LaunchConfig
out, seeds, declared = sys.argv[1:]
plan = expand(Study(**json.loads(declared)), seeds=int(seeds))
assert not conduct(plan, LaunchConfig(out=out)).missing
"""
)
"""What the command of a study does once it is complete, up to the report: every arm and run is made and looked up."""
LOAD = PEAK + "import litmus; print(len(litmus.load(sys.argv[1])))"
CURVES = PEAK + "import litmus; print(len(litmus.load(sys.argv[1], curves=True)))"
ALONE = """
import sys
from pathlib import Path
from litmus.core.config_keys import flatten
from litmus.records.run_record import RunRecord
from litmus.training.config import resolve
from litmus.training.execute import attempt
from litmus.training.run import Execution, Place, Run
file, out = map(Path, sys.argv[1:])
config = resolve(flatten(RunRecord(file.parent).read_config()))
run = Run("0" * 12, "alone", "arm", {}, config, out / file.parent.name)
attempt(run, Execution(), Place(), lambda _: None, 1)
"""
"""What a shell's loop around a training script starts anew for each run."""
SETTINGS = {"model.name": "mlp", "model.width": 16, "model.activation": "relu", "trainer.epochs": 5}
ONE_STEP = {**SETTINGS, "trainer.epochs": 1, "data.batch_size": 1024}
"""An epoch of the digits is then one step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, nargs="+", default=None)
    parser.add_argument("--overhead", action="store_true", help="what a run costs, in place of what many runs do")
    parser.add_argument("--alternatives", type=int, default=20, help="runs by which the alternatives are measured")
    parser.add_argument("--out", type=Path, default=None, help="folder of the records (default: a temporary one)")
    arguments = parser.parse_args()
    os.environ.update(WANDB_MODE="disabled", OMP_NUM_THREADS="1")
    out = arguments.out or Path(tempfile.mkdtemp(prefix="litmus-scaling-"))
    if arguments.overhead:
        overhead(out, (arguments.runs or [200])[0], arguments.alternatives)
    else:
        for runs in arguments.runs or [100, 1000, 10_000]:
            scale(out, runs)
    if arguments.out is None:
        shutil.rmtree(out)


def scale(out: Path, runs: int) -> None:
    """Print what a study of so many recorded runs takes."""
    arms = max(number for number in range(1, math.isqrt(runs) + 1) if runs % number == 0)
    levels = [round(0.001 * (number + 1), 3) for number in range(arms)]
    declared = {
        "name": f"of-{runs}",
        "question": "What does optim.lr change?",
        "base": SETTINGS,
        "factors": {"optim.lr": levels},
        "baseline": {"optim.lr": levels[0]},
    }
    plan = expand(Study(**declared), seeds=runs // arms)
    write_records(plan, one_run(out), out)
    print(f"{runs} runs, {arms} arms:", flush=True)
    name = plan.study.name
    print_measurement("expand", *measured(CONDUCT, str(out), str(runs // arms), json.dumps(declared)))
    print_measurement("status", *measured(LITMUS, "status", "--out", str(out)))
    print_measurement("status of the study", *measured(LITMUS, "status", name, "--out", str(out)))
    print_measurement("load", *measured(LOAD, str(out / name)))
    print_measurement("load the curves", *measured(CURVES, str(out / name)))
    print_measurement("report", *measured(LITMUS, "report", name, "--out", str(out)))
    print(f"  {'its page':24} {(out / name / 'report.html').stat().st_size / 1e6:8.2f} MB", flush=True)
    if is_running():
        vary = ["--vary", "optim.lr=" + ",".join(map(str, levels)), "--seeds", str(runs // arms), "--name", name]
        print_measurement("submit", *submitted(out / "submitted", ["vary", *options(SETTINGS), *vary]))
    else:
        print("  submit: there is no SLURM here", flush=True)
    shutil.rmtree(out / name)


def is_running() -> bool:
    """Whether SLURM answers here."""
    return shutil.which("sinfo") is not None and subprocess.run(["sinfo"], capture_output=True).returncode == 0


def one_run(out: Path) -> RunRecord:
    """Return the record of one run with `SETTINGS`, trained where it is not there yet."""
    if not (out / "one").exists():
        litmus("train", *options(SETTINGS), "--name", "one", "--out", str(out))
    (record,) = run_records(out / "one")
    return record


def write_records(plan: Plan, one: RunRecord, out: Path) -> None:
    """Write the record of every run of `plan`: that of `one`, with the run's identity and numbers."""
    status, summary, metrics = one.read_status(), one.read_summary(), one.metrics_file.read_text()
    config = one.config_file.read_text()
    right = np.load(one.answers_file)["right"]
    draw = random.Random(0)
    runs: list[Run] = []
    for arm, seed in plan.runs():
        identity = run_id(arm.config.with_seed(seed), summary["data"]["fingerprint"])
        record = RunRecord(plan.directory(out) / identity)
        runs.append(Run(identity, plan.name, arm.label, arm.levels, arm.config.with_seed(seed), record.path))
        record.checkpoint.parent.mkdir(parents=True)
        shift = draw.gauss(0, 0.01)
        metrics = {
            name: min(1.0, value + shift) if "top1" in name else value for name, value in summary["metrics"].items()
        }
        answers = io.BytesIO()
        np.savez(answers, right=right ^ (np.frombuffer(draw.randbytes(len(right)), np.uint8) < 8))
        record.answers_file.write_bytes(answers.getvalue())
        record.checkpoint.symlink_to(one.checkpoint.resolve())
        record.metrics_file.write_text(metrics)
        record.summary_file.write_text(to_json({**summary, "metrics": metrics}))
        record.status_file.write_text(
            to_json({**status, "experiment": plan.name, "arm": arm.label, "levels": arm.levels, "seed": seed})
        )
        lr = f"\n  lr: {arm.config.optim.lr}\n"
        record.config_file.write_text(re.sub(r"\n  lr: .*\n", lr, config).replace("\nseed: 0\n", f"\nseed: {seed}\n"))
    write_study_record(plan.directory(out), plan.record(runs))


def submitted(out: Path, command: list[str]) -> tuple[float, float, float]:
    """Return what it takes until SLURM has the jobs of a study; the CPU's seconds are those of all of the command."""
    arguments = [*command, "--out", str(out), "--launcher", "slurm", "--slurm.extra", "[hold]"]
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", LITMUS, *arguments], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for line in process.stderr:
        if " submitted: " in line:
            break
    seconds, before = time.perf_counter() - began, cpu_seconds()
    process.send_signal(signal.SIGINT)
    memory = peak(process.stderr.read())
    process.wait()
    at_work = cpu_seconds() - before
    litmus("stop", command[-1], "--out", str(out))
    shutil.rmtree(out)
    return seconds, at_work, memory


def overhead(out: Path, runs: int, alternatives: int) -> None:
    """Print what a run of one step takes with warm workers, as one process each, and by submitit's local executor."""
    at_a_time = available_cpus()
    print(f"runs of one step, {at_a_time} at a time:", flush=True)
    began = time.perf_counter()
    seeds = ["--seeds", str(runs // 2), "--vary", "optim.lr=0.01,0.02", "--name", "steps", "--workers", str(at_a_time)]
    litmus("vary", *options(ONE_STEP), *seeds, "--out", str(out))
    of_a_run("litmus", began, runs)
    configs = [record.config_file for record in run_records(out / "steps")][:alternatives]

    def alone(config: Path) -> None:
        arguments = [sys.executable, "-c", ALONE, str(config), str(out / "alone")]
        subprocess.run(arguments, check=True, capture_output=True)

    began = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        list(pool.map(alone, configs))
    of_a_run("one process each", began, len(configs))
    executor = submitit.LocalExecutor(out / "submitit")
    began = time.perf_counter()
    for start in range(0, len(configs), at_a_time):  # it starts all that it is given at once
        jobs = [executor.submit(one_step, config, out / "theirs") for config in configs[start : start + at_a_time]]
        for job in jobs:
            job.result()
    of_a_run("submitit's local executor", began, len(configs))


def one_step(config: Path, out: Path) -> None:
    """Train the run of a config file in this process, as a user's function does that submitit is given."""
    from litmus.core.config_keys import flatten
    from litmus.training.config import resolve
    from litmus.training.execute import attempt
    from litmus.training.run import Execution, Place

    resolved = resolve(flatten(RunRecord(config.parent).read_config()))
    run = Run("0" * 12, "theirs", "arm", {}, resolved, out / config.parent.name)
    attempt(run, Execution(), Place(), lambda _: None, 1)


def of_a_run(way: str, began: float, runs: int) -> None:
    """Print the seconds of a run."""
    seconds = time.perf_counter() - began
    print(f"  {way:26} {seconds / runs:6.2f} s a run ({runs} runs in {seconds:.1f} s)", flush=True)


def measured(code: str, *arguments: str) -> tuple[float, float, float]:
    """Return the seconds of running Python code in a separate process, those of the CPU, and its peak memory in MiB.

    On a machine that others use as well the CPU's seconds say more.
    """
    began, before = time.perf_counter(), cpu_seconds()
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stderr)
    return seconds, cpu_seconds() - before, peak(done.stderr)


def cpu_seconds() -> float:
    """Return the CPU's seconds of all processes that were started and have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak(errors: str) -> float:
    """Return the peak memory that a process printed, in MiB."""
    (line,) = (line for line in errors.splitlines() if line.startswith("KiB"))
    return int(line.split()[1]) / 1024


def print_measurement(what: str, seconds: float, at_work: float, memory: float) -> None:
    """Print one measurement."""
    print(f"  {what:24} {seconds:8.2f} s {at_work:8.2f} s CPU {memory:8.0f} MiB", flush=True)


def options(settings: dict[str, Any]) -> list[str]:
    """Return settings as options of the command line."""
    return [part for key, value in settings.items() for part in (f"--{key}", str(value))]


def litmus(*arguments: str) -> None:
    """Run the command line to its end."""
    done = subprocess.run([sys.executable, "-c", LITMUS, *arguments], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)


if __name__ == "__main__":
    main()
