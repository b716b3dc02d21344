"""How a study survives being killed: at random moments, in random ways, over local workers or jobs of SLURM.

    python benchmarks/faults.py [--kills 200] [--seed 0] [--launcher local|slurm] [--runs 24] [--out DIR]

Trains a study undisturbed, then the same one disturbed until so many kills have hit it, in as many rounds of it as that
takes. A kill is SIGKILL, SIGTERM or SIGINT to the launcher and all that it started, SIGKILL to the launcher alone or to
a worker; over SLURM SIGKILL to a task, `scontrol requeue`, `scancel` and a warning signal. Prints how many runs were
lost, trained twice, or left a record that differs in a bit; the exit status is 1 where there is one.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from studies.records.run_record import RunRecord, run_records

NAME = "faults"
LITMUS = (sys.executable, "-c", "from studies.command.main import main; main()")
OPTIONS = (
    *("--model", "mlp", "--model.width", "16", "--model.depth", "2", "--model.activation", "relu"),
    *("--model.dropout", "0.3", "--data.augment", "crop", "--data.batch_size", "16", "--trainer.epochs", "6"),
    *("--trainer.log_every_n_steps", "20", "--vary", "model.norm=none,batch", "--name", NAME),
    *("--checkpoint-every", "7steps"),
)
"""Runs of a second or two, which write a checkpoint most of the time."""
LOCAL = ("group SIGKILL", "group SIGTERM", "group SIGINT", "launcher SIGKILL", "worker SIGKILL")
SLURM = ("task SIGKILL", "requeue", "scancel", "warn")


@dataclass
class Storm:
    """The kills of a study and what they did."""

    kills: int = 0
    lost: int = 0
    trained_twice: int = 0
    differing: int = 0
    runs: int = 0
    by_kind: dict[str, int] = field(default_factory=dict)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=24, help="runs of the study, an even number")
    parser.add_argument("--launcher", choices=("local", "slurm"), default="local")
    parser.add_argument("--out", type=Path, default=None, help="folder of the records (default: a temporary one)")
    arguments = parser.parse_args()
    out = arguments.out or Path(tempfile.mkdtemp(prefix="litmus-faults-"))
    seeds = ("--seeds", str(arguments.runs // 2))
    subprocess.run(command(out / "undisturbed", *seeds), check=True, capture_output=True)
    draw, storm, round_number = random.Random(arguments.seed), Storm(), 0
    while storm.kills < arguments.kills:
        round_number += 1
        directory = out / f"round-{round_number}"
        more = ("--launcher", "slurm", "--slurm.parallel", "4") if arguments.launcher == "slurm" else ("--workers", "2")
        disturb(command(directory, *seeds, *more), directory / NAME, arguments.launcher, draw, storm, arguments.kills)
        compare(out / "undisturbed" / NAME, directory / NAME, storm)
        print(f"{storm.kills} kills, {storm.runs} runs so far", file=sys.stderr)
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(storm.by_kind.items()))
    print(f"{arguments.launcher}: {storm.kills} kills over {storm.runs} runs, seed {arguments.seed} ({kinds})")
    print(f"lost {storm.lost}, trained twice {storm.trained_twice}, records that differ {storm.differing}")
    if arguments.out is None:
        shutil.rmtree(out)
    return 1 if storm.lost or storm.trained_twice or storm.differing else 0


def command(out: Path, *more: str) -> list[str]:
    """Return the command that conducts the study under `out`."""
    return [*LITMUS, "vary", *OPTIONS, "--out", str(out), *more]


def disturb(arguments: list[str], study: Path, launcher: str, draw: random.Random, storm: Storm, most: int) -> None:
    """Conduct the study to its end, with a kill at a random moment again and again until there were `most`."""
    stamps: dict[str, int] = {}
    while True:
        process = subprocess.Popen(
            arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        while process.poll() is None:
            wait_for_work(study, process)
            time.sleep(draw.uniform(0, 1.5))
            if storm.kills < most and process.poll() is None:
                kind = draw.choice(LOCAL if launcher == "local" else SLURM)
                if kill(kind, process, study, draw):
                    storm.kills += 1
                    storm.by_kind[kind] = storm.by_kind.get(kind, 0) + 1
            note_finished(study, stamps, storm)
        process.wait()
        note_finished(study, stamps, storm)
        if process.returncode == 0:
            return


def wait_for_work(study: Path, process: "subprocess.Popen[bytes]") -> None:
    """Wait until a run of the study is at work and has a checkpoint, or the process has ended."""
    while process.poll() is None:
        if any(record.checkpoint.exists() and record.state() == "running" for record in run_records(study)):
            return
        time.sleep(0.05)


def kill(kind: str, process: "subprocess.Popen[bytes]", study: Path, draw: random.Random) -> bool:
    """Kill in one of the ways, and return whether there was something to kill."""
    where, _, name = kind.partition(" ")
    if where == "group":
        os.killpg(process.pid, getattr(signal, name))
        process.wait()
        return True
    if where == "launcher":
        process.kill()
        process.wait()
        return True
    if where == "worker":
        return kill_one(workers(study), draw)
    tasks = running_tasks(study)
    if not tasks:
        return False
    task = draw.choice(tasks)
    if where == "task":
        array, _, number = task.partition("_")
        variables = {f"SLURM_ARRAY_JOB_ID={array}".encode(), f"SLURM_ARRAY_TASK_ID={number or 0}".encode()}
        return kill_one([pid for pid in submitted() if variables <= environment_of(pid)], draw)
    how = {"requeue": ("scontrol", "requeue"), "scancel": ("scancel",), "warn": ("scancel", "--signal=USR1")}[where]
    return subprocess.run([*how, task], capture_output=True).returncode == 0


def kill_one(processes: list[int], draw: random.Random) -> bool:
    """Send SIGKILL to one of `processes`, and return whether there was one."""
    if not processes:
        return False
    try:
        os.kill(draw.choice(sorted(processes)), signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def workers(study: Path) -> list[int]:
    """Return the processes that write a log of the study: those that are at a run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/fd/1"):
        try:
            target = os.readlink(path)
        except OSError:
            continue
        if target.startswith(str(study.resolve())) and target.endswith("log.txt"):
            found.append(int(path.parts[2]))
    return found


def submitted() -> list[int]:
    """Return the processes that submitit started."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"submitit.core._submit" in path.read_bytes() and b"srun" not in path.read_bytes().split(b"\0")[0]:
                found.append(int(path.parts[2]))
        except OSError:
            continue
    return found


def environment_of(pid: int) -> set[bytes]:
    """Return the lines of a process's environment."""
    try:
        return set(Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"))
    except OSError:
        return set()


def running_tasks(study: Path) -> list[str]:
    """Return the tasks of the study's jobs that run."""
    try:
        jobs = json.loads((study / "slurm" / "jobs.json").read_text())["jobs"]
    except FileNotFoundError:
        return []
    listing = subprocess.run(["squeue", "-h", "-r", "-t", "running", "-o", "%i"], capture_output=True, text=True)
    return [task for task in listing.stdout.split() if task.partition("_")[0] in jobs]


def note_finished(study: Path, stamps: dict[str, int], storm: Storm) -> None:
    """Keep when each finished run wrote its summary, and count those that wrote another since."""
    for record in run_records(study):
        if record.read_status().get("state") != "finished":
            continue
        stamp = record.summary_file.stat().st_mtime_ns
        if stamps.setdefault(record.run_id, stamp) != stamp:
            storm.trained_twice += 1
            stamps[record.run_id] = stamp


def compare(undisturbed: Path, disturbed: Path, storm: Storm) -> None:
    """Count the runs that have no result, and those whose result differs in a bit."""
    there = {record.run_id: record for record in run_records(disturbed)}
    for record in run_records(undisturbed):
        storm.runs += 1
        other = there.get(record.run_id)
        if other is None or other.read_status().get("state") != "finished":
            storm.lost += 1
        elif result(record) != result(other) or not same_weights(record, other):
            storm.differing += 1


def result(record: RunRecord) -> tuple[object, str]:
    """Return the metrics and rows of a run."""
    return record.read_summary()["metrics"], record.metrics_file.read_text()


def same_weights(one: RunRecord, other: RunRecord) -> bool:
    """Whether two runs ended with the same weights, to the last bit."""
    first, second = (torch.load(record.checkpoint, weights_only=True)["state_dict"] for record in (one, other))
    return first.keys() == second.keys() and all(torch.equal(value, second[key]) for key, value in first.items())


if __name__ == "__main__":
    sys.exit(main())
