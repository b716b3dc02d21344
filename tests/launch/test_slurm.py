"""A study on a real SLURM: whatever happens to its jobs, it ends with the records of an undisturbed one."""

import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from cluster_jobs import (
    Slurm,
    assert_identical,
    at_work,
    jobs,
    on_first_node,
    own_cluster,
    processes,
    records,
    restart,
    run_here,
    running,
    vary,
    wait_for,
)
from forked_command import Forked
from tiny_runs import tiny_options

from litmus.records.study_record import StudyJobs

CONTROLLER_AWAY = float(os.environ.get("LITMUS_CONTROLLER_AWAY", "0"))
"""Seconds without slurmctld, such as 60: the daemons are killed only where it is given, for then it takes minutes."""


@pytest.mark.slow
def test_disturbed_in_every_way_a_study_ends_as_an_undisturbed_one(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    """8 runs by three jobs, while signals, requeueing, kills and preemption hit these."""
    epochs = str(9 + int(CONTROLLER_AWAY / 2))  # else the study is over when the controller is back
    options = ("--seeds", "4", "--trainer.epochs", epochs, "--checkpoint-every", "20steps")
    run_here(vary(tmp_path / "alone", "s", *options))
    out, study = tmp_path / "cluster", tmp_path / "cluster" / "s"
    cluster = ("--launcher", "slurm", "--slurm.partition", "low", "--slurm.parallel", "3", *on_first_node())
    arguments = vary(out, "s", *options, *cluster)
    launcher = Forked(arguments, environment)
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
            for pid in of_task(f"SLURM_ARRAY_JOB_ID={array}", f"SLURM_ARRAY_TASK_ID={number}"):
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
    _, errors = launcher.communicate(timeout=1500)
    for _ in range(3):
        if launcher.returncode == 0:
            break
        # A task that was cancelled or killed stays so; the same command submits what it left.
        assert "the same command submits the rest" in errors
        launcher = Forked(arguments, environment)
        _, errors = launcher.communicate(timeout=1500)
    assert launcher.returncode == 0, errors
    assert_identical(tmp_path / "alone" / "s", study, runs=8)


@pytest.mark.slow
def test_runs_over_two_nodes_equal_those_of_one_process_whatever_hits_them(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    """A network of the user's: its job is requeued by a signal, and then one of the four processes is killed."""
    (tmp_path / "own_scale.py").write_text("SCALE = 0.5\n")
    (tmp_path / "scales.py").write_text(OWN)

    def scales(out: str, *more: str) -> list[str]:
        settings = ["--trainer.epochs", "4", "--data.batch_size", "16", "--trainer.keep", "last", "--name", "scales"]
        return ["run", str(tmp_path / "scales.py"), *settings, "--out", str(tmp_path / out), *more]

    nodes = ("--launcher", "slurm", "--slurm.nodes", "2", "--devices", "4", "--slurm.parallel", "1")
    launcher = Forked(scales("cluster", *nodes, "--checkpoint-every", "16steps"), environment)
    study = tmp_path / "cluster" / "scales"

    def restarts() -> int:
        return int(slurm("squeue", "-h", "-t", "all", "-j", job, "-O", "RestartCnt"))

    wait_for(lambda: at_work(study))
    (job,) = jobs(study)
    slurm("scancel", "--signal=USR2", job)
    alone = Forked(scales("alone"), environment)
    wait_for(lambda: restarts() == 1 and at_work(study) and of_task(f"SLURM_JOB_ID={job}", "SLURM_PROCID=3"))
    (killed,) = of_task(f"SLURM_JOB_ID={job}", "SLURM_PROCID=3")
    os.kill(killed, signal.SIGKILL)
    _, errors = launcher.communicate(timeout=1500)
    assert launcher.returncode == 0, errors
    assert restarts() == 2
    alone.communicate(timeout=1500)
    one, other = records(tmp_path / "alone" / "scales"), records(study)
    assert one.keys() == other.keys()  # the same experiments
    for name, record in other.items():
        assert record.read_summary()["environment"]["devices"] == 4
        weights, others = (torch.load(r.checkpoint, weights_only=True)["state_dict"] for r in (one[name], record))
        for key, value in weights.items():
            torch.testing.assert_close(value, others[key], rtol=1e-3, atol=1e-3, msg=key)


def of_task(*variables: str) -> list[int]:
    """The processes that `srun` started, of the tasks whose environment has these variables."""
    found = []
    for pid in set.intersection(*(set(processes(each)) for each in variables)):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if b"litmus.cli.main" in words and b"srun" not in words[0]:
            found.append(pid)
    return sorted(found)


@pytest.mark.slow
def test_a_colleagues_jobs_are_shown_and_left(
    slurm: Slurm, tmp_path: Path, litmus: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    if own_cluster() is None:
        pytest.skip("only root submits as another user")
    options = [*tiny_options(), "--vary", "model.norm=none,batch", "--seeds", "1", "--name", "colleagues"]
    planned = litmus("vary", *options, "--launcher", "none")
    assert planned.returncode == 0, planned.stderr
    submit = ("sbatch", "--parsable", "--chdir=/", "--output=/dev/null", "--wrap=sleep 600")
    job = slurm(*submit, "--uid=nobody", "--gid=nogroup", "--nodelist=sn1", "--job-name=litmus-colleagues").strip()
    try:
        StudyJobs(tmp_path / "runs" / "colleagues").add(job)
        wait_for(lambda: "RUNNING" in slurm("squeue", "-h", "-j", job, "-o", "%T"))
        assert "jobs of colleagues (nobody): 1 running" in litmus("status", "colleagues").stdout
        stopped = litmus("stop", "colleagues")
        assert stopped.returncode == 2
        assert stopped.stderr == "litmus: 1 task of colleagues of nobody: only who submitted a job can stop it\n"
    finally:
        slurm("scancel", job)


@pytest.mark.slow
def test_a_launcher_may_be_closed_and_a_second_adds_nothing_twice(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, study = tmp_path / "runs", tmp_path / "runs" / "s"
    options = ("--seeds", "2", "--trainer.epochs", "100", "--launcher", "slurm", "--slurm.parallel", "2")
    options += ("--checkpoint-every", "epoch", *on_first_node())
    first = Forked(vary(out, "s", *options), environment)
    wait_for(lambda: jobs(study))
    os.killpg(first.pid, signal.SIGINT)
    _, errors = first.communicate(timeout=60)
    assert first.returncode == 130
    assert errors.splitlines()[-1].startswith("litmus: stopped by SIGINT; its jobs continue: litmus status")
    second = Forked(vary(out, "s", *options), environment)
    wait_for(lambda: at_work(study))
    run_here(["status", "s", "--out", str(out)])
    status = capsys.readouterr().out
    assert re.search(r"jobs of s \(\w+\): (2 running, 3:5\d:\d\d left|1 running)", status), status
    run_here(["stop", "s", "--out", str(out)])
    assert capsys.readouterr().out == f"cancelled 2 tasks of job {jobs(study)[0]}; finished runs stay\n"
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 1
    assert "2 tasks of this study in the queue already; nothing submitted" in errors
    assert re.search(r"\d runs? ha(s|ve) no result; .*; the same command submits the rest", errors), errors
    assert len(jobs(study)) == 1
    states = {record.state() for record in records(study).values()}
    assert states <= {"interrupted", "not started", "finished"}
    assert states != {"finished"}


def test_jobs_that_the_cluster_refuses_are_one_line(
    slurm: Slurm, tmp_path: Path, litmus: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    options = [*tiny_options(), "--out", str(tmp_path / "runs"), "--launcher", "slurm", "--slurm.partition", "mian"]
    refused = litmus("train", *options)
    assert refused.returncode == 2
    assert "SLURM refuses the jobs: sbatch: error: invalid partition specified: mian" in refused.stderr.splitlines()[-1]


OWN = """\
import torch
from own_scale import SCALE
from torch import nn

from litmus.lit_archs import register
from litmus import Claim, Study, more


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
def test_runs_whose_code_changes_while_they_wait_in_the_queue_are_left(
    slurm: Slurm, tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "own_scale.py").write_text("SCALE = 0.5\n")
    (tmp_path / "scales.py").write_text(OWN)
    cluster = ("--launcher", "slurm", "--slurm.parallel", "1", *on_first_node("begin=now+6"))
    launcher = Forked(["run", str(tmp_path / "scales.py"), "--out", str(tmp_path / "runs"), *cluster], environment)
    study = tmp_path / "runs" / "scales"
    wait_for(lambda: jobs(study))
    (tmp_path / "own_scale.py").write_text("SCALE = 0.125\n")
    _, errors = launcher.communicate(timeout=1500)
    assert launcher.returncode == 1
    assert f"2 runs have no result; their logs are in {study / 'slurm'}; the same command submits the rest" in errors
    printed = (study / "slurm" / f"{jobs(study)[-1]}_0_log.err").read_text()
    assert "own_scale.py changed after the start; the same command continues with the present code" in printed
    assert not records(study)
