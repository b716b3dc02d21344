"""A study on a real SLURM: whatever happens to its jobs, it ends with the records of an undisturbed one."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_runs import command, tiny_options

from studies.records.run_record import RunRecord, run_records

Slurm = Callable[..., str]


def wait_for(condition: Callable[[], object], seconds: float = 240) -> None:
    """Wait until `condition` holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def vary(out: Path, name: str, *more: str) -> list[str]:
    options = [*tiny_options(), "--model.dropout", "0.3", "--data.augment", "crop", "--data.batch_size", "16"]
    options += ["--vary", "model.norm=none,batch", "--name", name, "--out", str(out)]
    return command(["vary", *options, *more])


def start(arguments: list[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def records(study: Path) -> dict[str, RunRecord]:
    return {record.run_id: record for record in run_records(study)}


def finished(study: Path) -> int:
    return sum(record.state() == "finished" for record in records(study).values())


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


@pytest.mark.slow
def test_disturbed_in_every_way_a_study_ends_as_an_undisturbed_one(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    """24 runs by four jobs, while signals, requeueing, kills and preemption hit these."""
    epochs = str(6 + int(CONTROLLER_AWAY / 2))  # else the study is over when the controller is back
    options = ("--seeds", "12", "--trainer.epochs", epochs, "--checkpoint-every", "20steps")
    alone = subprocess.run(
        vary(tmp_path / "alone", "s", *options), env=environment, capture_output=True, text=True, timeout=500
    )
    assert alone.returncode == 0, alone.stderr
    out, study = tmp_path / "cluster", tmp_path / "cluster" / "s"
    arguments = vary(out, "s", *options, "--launcher", "slurm", "--slurm.partition", "low", "--slurm.parallel", "4")
    launcher = start(arguments, environment)
    disturbed = []

    def disturb(how: str) -> None:
        wait_for(lambda: (running(slurm, study) and at_work(study)) or launcher.poll() is not None)
        tasks = running(slurm, study)
        if launcher.poll() is not None or not tasks:
            return
        task = tasks[0]
        disturbed.append(how)
        if how == "kill":
            array, number = task.split("_")
            mine = set(processes(f"SLURM_ARRAY_JOB_ID={array}")) & set(processes(f"SLURM_ARRAY_TASK_ID={number}"))
            for pid in sorted(mine & set(processes("SUBMITIT_EXECUTOR=slurm"))):
                # Of what the task is made of, its own process: the first that submitit started.
                if b"submitit" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(pid, signal.SIGKILL)
        elif how == "preempt":
            slurm("sbatch", "--partition=main", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
        elif how in ("slurmctld", "slurmd-sn1"):
            restart(how, away=CONTROLLER_AWAY if how == "slurmctld" else 1)
        else:
            slurm(*how.split(), task)

    ways = ["scancel --signal=USR1", "scontrol requeue", "kill", "scancel", "preempt"]
    for how in [*(("slurmctld", "slurmd-sn1") if CONTROLLER_AWAY and own_cluster() else ()), *ways]:
        disturb(how)
    assert len(disturbed) >= 5, "the study was over before"
    _, errors = launcher.communicate(timeout=500)
    for _ in range(3):
        if launcher.returncode == 0:
            break
        # A task that was cancelled stays so; the same command submits what it left.
        assert "the same command submits the rest" in errors
        launcher = start(arguments, environment)
        _, errors = launcher.communicate(timeout=500)
    assert launcher.returncode == 0, errors
    assert_identical(tmp_path / "alone" / "s", study, runs=24)
    if "kill" in disturbed:
        assert list((study / "slurm").glob("failed_*")), "the killed task was not written down"


UNHURRIED = '''
import time

from torch import nn

from lit_archs import register


@register("unhurried", input_shape=(1, 8, 8))
class Unhurried(nn.Module):
    """A network whose step takes as long on any machine."""

    def __init__(self, num_classes, in_channels=1):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(in_channels * 64, 16), nn.Dropout(0.3))
        self.head = nn.Linear(16, num_classes)

    def forward(self, images):
        if self.training:
            time.sleep(0.02)
        return self.head(self.layers(images))
'''


@pytest.mark.slow
def test_a_time_limit_shorter_than_one_run_is_no_obstacle(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    source = tmp_path / "unhurried.py"
    source.write_text(UNHURRIED)

    def train(name: str, *more: str) -> "subprocess.Popen[str]":
        settings = {
            "model.name": "unhurried",
            "optim.lr": 0.01,
            "data.batch_size": 16,
            "trainer.epochs": 50,
            "trainer.keep": "last",
        }
        options = [part for key, value in settings.items() for part in (f"--{key}", str(value))]
        where = ["--source", str(source), "--name", "s", "--out", str(tmp_path / name)]
        return start(command(["train", *options, *where, *more]), environment)

    study = tmp_path / "cluster" / "s"
    alone, launcher = train("alone"), train("cluster", "--launcher", "slurm")
    wait_for(lambda: at_work(study))
    (job,) = jobs(study)

    def described() -> str:
        return slurm("scontrol", "show", "job", job)

    def restarts() -> int:
        return int(re.findall(r"Restarts=(\d+)", described())[0])

    # The limit is set once the run is at work: how long a start takes is another matter. SLURM looks every 30 seconds,
    # and the run's steps sleep for 90.
    hours, minutes, seconds = map(int, re.findall(r"RunTime=(\d+):(\d+):(\d+)", described())[0])
    limit = (3600 * hours + 60 * minutes + seconds + 45) // 60 + 1
    slurm("scontrol", "update", f"JobId={job}", f"TimeLimit={limit}")
    wait_for(lambda: restarts() or launcher.poll() is not None)
    assert restarts() == 1, "the run was done before its time was over"
    slurm("scontrol", "update", f"JobId={job}", "TimeLimit=240")
    _, errors = launcher.communicate(timeout=500)
    assert launcher.returncode == 0, errors
    assert not list((study / "slurm").glob("failed_*"))
    _, errors = alone.communicate(timeout=500)
    assert alone.returncode == 0, errors
    assert_identical(tmp_path / "alone" / "s", study, runs=1)


def own_cluster() -> Path | None:
    """The folder of the small cluster that was started for these tests; its daemons may be killed."""
    folder = Path(os.environ.get("SLURM_CONF", "/")).parent
    return folder if os.geteuid() == 0 and (folder / "run" / "slurmctld.started").exists() else None


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


CONTROLLER_AWAY = float(os.environ.get("LITMUS_CONTROLLER_AWAY", "0"))
"""Seconds without slurmctld, such as 60: the daemons are killed only where it is given, for then it takes minutes."""


OWN = """\
import torch
from own_scale import SCALE
from torch import nn

from lit_archs import register
from studies.design import Claim, Study, more


@register("scaled", input_shape=(1, 8, 8))
def scaled(num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, scale: bool = False) -> nn.Module:
    first = nn.Linear(in_channels * image_size**2, num_classes)
    with torch.no_grad():
        first.weight.mul_(SCALE if scale else 1.0)
    return nn.Sequential(nn.Flatten(), first)


study = Study(
    question="Does it matter?",
    base={"model.name": "scaled", "data.name": "digits", "trainer.epochs": 1, "optim.lr": 0.03},
    factors={"model.scale": [False, True]},
    baseline={"model.scale": False},
    seeds=1,
    claims=[Claim("It does.", more("test_top1", {"model.scale": True}, than={"model.scale": False}))],
)
"""


@pytest.mark.slow
@pytest.mark.parametrize("nodes", [(), ("--devices", "2", "--slurm.nodes", "2")])
def test_a_study_of_ones_own_runs_there_while_its_code_is_that_of_the_start(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str], nodes: tuple[str, ...]
) -> None:
    (tmp_path / "own_scale.py").write_text("SCALE = 0.5\n")
    (tmp_path / "scales.py").write_text(OWN)
    cluster = ("--launcher", "slurm", "--slurm.parallel", "1", *nodes)
    arguments = command(["run", str(tmp_path / "scales.py"), "--out", str(tmp_path / "runs"), *cluster])
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    study = tmp_path / "runs" / "scales"
    for record in records(study).values():
        code = record.read_status()["own_code"]
        assert (study / "code" / code["kept"] / "own_scale.py").read_text() == "SCALE = 0.5\n"
    if nodes:
        return
    # What waits in the queue while the code changes is left, and said so.
    (tmp_path / "own_scale.py").write_text("SCALE = 0.25\n")
    held = [*arguments, "--slurm.extra", "[begin=now+6]"]
    launcher = start(held, environment)
    wait_for(lambda: len(jobs(study)) == 2)
    (tmp_path / "own_scale.py").write_text("SCALE = 0.125\n")
    _, errors = launcher.communicate(timeout=500)
    assert launcher.returncode == 1
    assert "own_scale.py changed after the start; the same command goes on with the code of now" in errors
    assert len([record for record in records(study).values() if record.state() == "finished"]) == 2


@pytest.mark.slow
def test_changed_code_gets_jobs_of_its_own_beside_those_of_the_older(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "own_scale.py").write_text("SCALE = 0.5\n")
    (tmp_path / "scales.py").write_text(OWN.replace('"trainer.epochs": 1', '"trainer.epochs": 5000'))
    study = tmp_path / "runs" / "scales"
    cluster = ("--launcher", "slurm", "--slurm.parallel", "1", "--seeds", "1")
    arguments = command(["run", str(tmp_path / "scales.py"), "--out", str(tmp_path / "runs"), *cluster])
    launcher = start(arguments, environment)
    try:
        wait_for(lambda: at_work(study))
        os.killpg(launcher.pid, signal.SIGINT)
        launcher.communicate(timeout=60)
        (tmp_path / "own_scale.py").write_text("SCALE = 0.25\n")
        launcher = start(arguments, environment)
        wait_for(lambda: len(jobs(study)) == 2 or launcher.poll() is not None)
        os.killpg(launcher.pid, signal.SIGINT)
        _, errors = launcher.communicate(timeout=60)
        beside = "besides 1 at work with the older code (litmus stop scales cancels them all)"
        assert f"submitted: 1 task, {beside}, 4h each" in errors, errors
    finally:
        stopped = subprocess.run(
            command(["stop", "scales", "--out", str(tmp_path / "runs")]),
            env=environment,
            capture_output=True,
            text=True,
        )
    assert stopped.stdout.startswith("2 tasks of job "), stopped.stdout


@pytest.mark.slow
def test_one_run_over_two_nodes_equals_one_process(slurm: Slurm, tmp_path: Path, environment: dict[str, str]) -> None:
    # Dropout draws by device.
    options = ("--seeds", "1", "--trainer.epochs", "3", "--model.dropout", "0")
    alone = subprocess.run(
        vary(tmp_path / "alone", "s", *options), env=environment, capture_output=True, text=True, timeout=500
    )
    assert alone.returncode == 0, alone.stderr
    study = tmp_path / "cluster" / "s"
    nodes = ("--launcher", "slurm", "--slurm.nodes", "2", "--devices", "4", "--slurm.parallel", "1")
    done = start(vary(tmp_path / "cluster", "s", *options, *nodes, "--checkpoint-every", "16steps"), environment)
    wait_for(lambda: at_work(study))
    slurm("scancel", "--signal=USR2", jobs(study)[0])
    _, errors = done.communicate(timeout=500)
    assert done.returncode == 0, errors
    one, other = records(tmp_path / "alone" / "s"), records(study)
    assert one.keys() == other.keys()  # the same experiments
    for name, record in other.items():
        assert record.read_summary()["environment"]["devices"] == 4
        weights, others = (torch.load(r.checkpoint, weights_only=True)["state_dict"] for r in (one[name], record))
        for key, value in weights.items():
            torch.testing.assert_close(value, others[key], rtol=1e-3, atol=1e-3, msg=key)


@pytest.mark.slow
def test_a_launcher_may_be_closed_and_a_second_adds_nothing_twice(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    out, study = tmp_path / "runs", tmp_path / "runs" / "s"
    options = ("--seeds", "2", "--trainer.epochs", "100", "--launcher", "slurm", "--slurm.parallel", "2")
    first = start(vary(out, "s", *options), environment)
    wait_for(lambda: jobs(study))
    os.killpg(first.pid, signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130
    assert errors.splitlines()[-1].startswith("litmus: stopped by SIGINT; its jobs go on: litmus status")
    second = start(vary(out, "s", *options), environment)
    wait_for(lambda: at_work(study))
    status = subprocess.run(
        command(["status", "s", "--out", str(out)]), env=environment, capture_output=True, text=True
    ).stdout
    assert re.search(r"jobs: 2 running, 3:5\d:\d\d left|jobs: 1 running", status), status
    stopped = subprocess.run(
        command(["stop", "s", "--out", str(out)]), env=environment, capture_output=True, text=True
    ).stdout
    assert stopped == f"2 tasks of job {jobs(study)[0]} cancelled; what is done stays\n"
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "2 tasks of this study in the queue already; nothing submitted" in errors
    assert re.search(r"\d runs? ha(s|ve) no result; the same command submits the rest", errors), errors
    assert len(jobs(study)) == 1
    states = {record.state() for record in records(study).values()}
    assert states <= {"interrupted", "not started", "finished"}
    assert states != {"finished"}


def test_what_the_cluster_has_not_is_refused_before_anything_is_submitted(
    slurm: Slurm, tmp_path: Path, litmus: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    common = ["train", *tiny_options(), "--launcher", "slurm", "--out", str(tmp_path / "runs")]
    for more, error in (
        (["--slurm.partition", "mian"], "unknown --slurm.partition 'mian'; did you mean 'main'?"),
        (["--slurm.gpus", "4"], "--slurm.gpus asks for 4 GPUs a node: partition main has 0"),
    ):
        refused = litmus(*common, *more)
        assert refused.returncode == 2
        assert error in refused.stderr.splitlines()[-1]
    assert not list(tmp_path.glob("runs/*/slurm/*.sh"))
