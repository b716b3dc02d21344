"""A study's jobs on the SLURM of a test: what runs, what has ended, and how the small cluster's daemons are killed."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import torch
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.records.run_record import RunRecord, run_records

Slurm = Callable[..., str]


def wait_for(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def vary(out: Path, name: str, *more: str) -> list[str]:
    options = [*tiny_options(), "--model.dropout", "0.3", "--data.augment", "crop", "--data.batch_size", "16"]
    options += ["--vary", "model.norm=none,batch", "--name", name, "--out", str(out)]
    return ["vary", *options, *more]


def run_here(arguments: list[str]) -> None:
    """Run a command line in this process, to its end."""
    assert run_command(arguments) == 0


def records(study: Path) -> dict[str, RunRecord]:
    return {record.run_id: record for record in run_records(study)}


def assert_identical(one: Path, other: Path, runs: int) -> None:
    first, second = records(one), records(other)
    assert first.keys() == second.keys()
    assert len(first) == runs
    for name in first:
        weights, other_weights = (
            torch.load(record.checkpoint, weights_only=True)["state_dict"] for record in (first[name], second[name])
        )
        assert first[name].read_summary()["metrics"] == second[name].read_summary()["metrics"]
        assert first[name].metrics_file.read_text() == second[name].metrics_file.read_text()
        for key, value in weights.items():
            assert torch.equal(value, other_weights[key]), (name, key)


def jobs(study: Path) -> list[str]:
    try:
        return list(json.loads((study / "slurm" / "jobs.json").read_text())["jobs"])
    except FileNotFoundError:
        return []


def running(slurm: Slurm, study: Path) -> list[str]:
    """The tasks of a study that run, and have a run that has written a checkpoint."""
    lines = slurm("squeue", "-h", "-r", "-o", "%i|%T").splitlines()
    mine = jobs(study)
    found = (line.split("|") for line in lines)
    return [task for task, state in found if state == "RUNNING" and task.partition("_")[0] in mine]


def processes(variable: str) -> list[int]:
    """The processes with such a line in their environment."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in path.read_bytes().split(b"\0"):
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


def at_work(study: Path) -> int:
    return sum(record.checkpoint.exists() and record.state() == "running" for record in records(study).values())


def own_cluster() -> Path | None:
    """The folder of the small cluster that was started for these tests; its daemons may be killed."""
    folder = Path(os.environ.get("SLURM_CONF", "/")).parent
    return folder if os.geteuid() == 0 and (folder / "run" / "slurmctld.started").exists() else None


def on_first_node(*extra: str) -> tuple[str, str]:
    """The option of `extra` options of sbatch, and of the first node where the cluster is the small one.

    Its nodes are one machine: a step that a job on the second node starts cannot be reached.
    """
    first = ["nodelist=sn1"] if own_cluster() else []
    return "--slurm.extra", f"[{','.join([*extra, *first])}]"


def restart(daemon: str, away: float) -> None:
    """Kill a daemon of SLURM and start it again, with what it had written down, after so many seconds."""
    folder = own_cluster()
    assert folder is not None
    pid_file, started = folder / "run" / f"{daemon}.pid", folder / "run" / f"{daemon}.started"
    number = int(pid_file.read_text())
    line = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
    assert line[0].endswith(daemon.partition("-")[0].encode())
    os.kill(number, signal.SIGKILL)
    time.sleep(away)
    kept = {name: os.environ[name] for name in ("SLURM_CONF", "HOME") if name in os.environ}
    arguments = ["slurmctld"]
    if daemon.startswith("slurmd-"):
        node = daemon.removeprefix("slurmd-")
        arguments = ["unshare", "--uts", "sh", "-c", f"hostname {node} && exec slurmd -N {node}"]
    subprocess.run(arguments, env={**kept, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, check=True, capture_output=True)

    def is_back() -> bool:
        now = pid_file.read_text().strip() if pid_file.exists() else ""
        return now not in ("", str(number)) and Path(f"/proc/{now}").exists()

    wait_for(is_back, seconds=60)
    # Whoever started the cluster ends it by what stands there.
    number = int(pid_file.read_text())
    start_time = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[19]
    started.write_text(f"{number} {start_time}\n")
