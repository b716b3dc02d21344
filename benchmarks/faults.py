"""How a study survives being killed: at random moments, in random ways, over local workers or jobs of SLURM.

    python benchmarks/faults.py [--kills 200] [--seed 0] [--launcher local|slurm] [--runs 24]
    python benchmarks/faults.py --out DIR --seconds 200      # a part of it; the same command goes on

Trains a study undisturbed, then the same one disturbed until so many kills have hit it, in as many rounds of it as that
takes. A `litmus work` in a process namespace of its own, as in a container, always works in the same folder. A kill is
SIGKILL, SIGTERM or SIGINT to the launcher and all that it started, SIGKILL to the launcher alone, to a worker or to the
container; over SLURM SIGKILL to a task or to a worker in it, `scontrol requeue`, `scancel` and a warning signal. `stop`
stops the container, or one of the others that hold runs, for longer than a lease lasts, and lets it continue. Prints
how many runs were lost, trained twice, or left a record that differs in a bit; the exit status is 1 where there is one.
"""

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch

from litmus.records.lease import STALE_SECONDS
from litmus.records.run_record import RunRecord, run_records
from litmus.records.storage import to_json, write_atomically

NAME = "faults"
LITMUS = (sys.executable, "-c", "from litmus.cli.main import main; main()")
OPTIONS = (
    *("--model", "mlp", "--model.width", "16", "--model.depth", "2", "--model.activation", "relu"),
    *("--model.dropout", "0.3", "--data.augment", "crop", "--data.batch_size", "16", "--trainer.epochs", "6"),
    *("--trainer.log_every_n_steps", "20", "--vary", "model.norm=none,batch", "--name", NAME),
    *("--checkpoint-every", "7steps", "--keep", "last"),
)
"""Runs of a second or two, which write a checkpoint most of the time."""
ANYWHERE = ("container SIGKILL", "stop container", "stop holder")
LOCAL = ("group SIGKILL", "group SIGTERM", "group SIGINT", "launcher SIGKILL", *("worker SIGKILL",) * 8, *ANYWHERE)
SLURM = ("task SIGKILL", "requeue", "scancel", "warn", *("worker SIGKILL",) * 6, *ANYWHERE)
"""Ways to kill; after that of a worker the launcher, which takes seconds to start, goes on, so there are more of it."""
CLUSTER = ("--launcher", "slurm", "--slurm.parallel", "4")
CONTAINER = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
"""Gives a process a table of processes of its own, in which it cannot look for the others; needs root."""
STOPPED_SECONDS = STALE_SECONDS + 15

Process = subprocess.Popen[bytes]


@dataclass
class Storm:
    """The kills of a study and what they did; `round` is which study they hit, `stamps` when its runs finished."""

    kills: int = 0
    lost: int = 0
    trained_twice: int = 0
    differing: int = 0
    runs: int = 0
    round: int = 1
    by_kind: dict[str, int] = field(default_factory=dict)
    stamps: dict[str, int] = field(default_factory=dict)

    def keep(self, out: Path) -> None:
        """Write it down, for a call that goes on."""
        write_atomically(out / "storm.json", to_json(asdict(self)))

    @staticmethod
    def read(out: Path) -> "Storm":
        """Return what an earlier call wrote down, a new one where there was none."""
        try:
            return Storm(**json.loads((out / "storm.json").read_text()))
        except FileNotFoundError:
            return Storm()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=int, default=24, help="runs of the study, an even number")
    parser.add_argument("--launcher", choices=("local", "slurm"), default="local")
    parser.add_argument("--out", type=Path, default=None, help="folder of the records (default: a temporary one)")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long; needs --out to go on")
    arguments = parser.parse_args()
    end = time.monotonic() + arguments.seconds
    out = (arguments.out or Path(tempfile.mkdtemp(prefix="litmus-faults-"))).resolve()
    out.mkdir(parents=True, exist_ok=True)
    os.environ["WANDB_MODE"] = "disabled"
    seeds = ("--seeds", str(arguments.runs // 2))
    subprocess.run(command(out / "undisturbed", *seeds), check=True, capture_output=True)
    storm = Storm.read(out)
    # A round that was begun is brought to its end: only then its records can be compared.
    while time.monotonic() < end:
        directory = out / f"round-{storm.round}"
        if storm.kills >= arguments.kills and not directory.exists():
            break
        more = CLUSTER if arguments.launcher == "slurm" else ("--workers", "2")
        if not directory.exists():  # the container executes what is planned here
            subprocess.run(command(directory, *seeds, "--launcher", "none"), check=True, capture_output=True)
        over = disturb(command(directory, *seeds, *more), directory / NAME, arguments, storm, end)
        if over:
            compare(out / "undisturbed" / NAME, directory / NAME, storm)
            storm.round, storm.stamps = storm.round + 1, {}
        storm.keep(out)
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


def disturb(arguments: list[str], study: Path, asked: argparse.Namespace, storm: Storm, end: float) -> bool:
    """Conduct the study with a kill at a random moment again and again; return whether it came to its end.

    It does not where the time is over. Once there were kills enough it is left in peace.
    """
    container: Process | None = None
    while True:
        process = started(arguments)
        while process.poll() is None:
            if container is None or container.poll() is not None:
                container = started([*CONTAINER, *LITMUS, "work", str(study)])
            draw = random.Random(f"{asked.seed} {asked.launcher} {storm.kills}")
            wait_for_work(study, process)
            wait(process, draw.uniform(0, 1))
            if time.monotonic() > end:
                end_group(container)
                stop(process, study)
                return False
            if storm.kills < asked.kills and process.poll() is None:
                kind = draw.choice(LOCAL if asked.launcher == "local" else SLURM)
                if kill(kind, process, container, study, draw):
                    storm.kills += 1
                    storm.by_kind[kind] = storm.by_kind.get(kind, 0) + 1
            note_finished(study, storm)
        note_finished(study, storm)
        if process.returncode == 0:
            if container is not None:
                container.wait()  # it may have a run that it has lost, and must not write any more
                note_finished(study, storm)
            return True
        storm.keep(study.parent.parent)


def started(arguments: list[str]) -> Process:
    """Start a command in a session of its own."""
    return subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def end_group(process: Process) -> None:
    """Kill a process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait(process: Process, seconds: float) -> None:
    """Wait for so long, or until the process has ended."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def stop(process: Process, study: Path) -> None:
    """Stop a study between two parts of the storm: its jobs too."""
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    tasks = running_tasks(study, states="running,pending,completing")
    if tasks:
        subprocess.run(["scancel", *tasks], capture_output=True)
    while running_tasks(study, states="running,completing"):
        time.sleep(1)
    note = [record.run_id for record in run_records(study) if record.state() == "running"]
    assert not note, f"still at work: {note}"


def wait_for_work(study: Path, process: Process) -> None:
    """Wait until a run of the study is at work and has a checkpoint, or the process has ended."""
    while process.poll() is None:
        if any(record.checkpoint.exists() and record.state() == "running" for record in run_records(study)):
            return
        time.sleep(0.05)


def kill(kind: str, process: Process, container: Process, study: Path, draw: random.Random) -> bool:
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
    if where == "container":
        end_group(container)
        return True
    tasks = running_tasks(study)
    if where == "stop":
        # All that a holder started is stopped with it, as on a machine that is suspended.
        holders = [container.pid] if name == "container" else at_work(tasks) or [process.pid]
        return stop_for_a_while(os.getpgid(draw.choice(sorted(holders))))
    if not tasks:
        return False
    task = draw.choice(tasks)
    if where == "task":
        return kill_one(at_work([task]), draw)
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


def stop_for_a_while(group: int) -> bool:
    """Stop a group of processes for longer than a lease lasts, and return whether there was one."""
    try:
        os.killpg(group, signal.SIGSTOP)
        time.sleep(STOPPED_SECONDS)
        os.killpg(group, signal.SIGCONT)
    except ProcessLookupError:
        return False
    return True


def at_work(tasks: list[str]) -> list[int]:
    """Return the processes that these tasks of SLURM started: `litmus work`, without its workers."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        pid = int(path.parts[2])
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"litmus.cli.main" in words and b"srun" not in words[0]:
            variables = environment_of(pid)
            job, number = variables.get("SLURM_ARRAY_JOB_ID"), variables.get("SLURM_ARRAY_TASK_ID")
            if variables.get("SLURM_JOB_ID") in tasks or f"{job}_{number}" in tasks:
                found.append(pid)
    return found


def environment_of(pid: int) -> dict[str, str]:
    """Return a process's environment."""
    try:
        lines = Path(f"/proc/{pid}/environ").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return {}
    return dict(line.split("=", 1) for line in lines if "=" in line)


def running_tasks(study: Path, states: str = "running") -> list[str]:
    """Return the tasks of the study's jobs in these states, by default those that run."""
    try:
        jobs = json.loads((study / "slurm" / "jobs.json").read_text())["jobs"]
    except FileNotFoundError:
        return []
    listing = subprocess.run(["squeue", "-h", "-r", "-t", states, "-o", "%i"], capture_output=True, text=True)
    return [task for task in listing.stdout.split() if task.partition("_")[0] in jobs]


def note_finished(study: Path, storm: Storm) -> None:
    """Keep when each finished run wrote its summary, and count those that wrote another since."""
    for record in run_records(study):
        if record.read_status().get("state") != "finished":
            continue
        stamp = record.summary_file.stat().st_mtime_ns
        if storm.stamps.setdefault(record.run_id, stamp) != stamp:
            storm.trained_twice += 1
            storm.stamps[record.run_id] = stamp


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
