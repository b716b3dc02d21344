"""What SLURM is asked, and how often: its commands are stand-ins here, since they have to be counted."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import synthetic

from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.design.study import Study
from litmus.records import slurm
from litmus.records.study_record import StudyJobs

LINES = """\
12_0|ada|RUNNING|3:59:12|0|None|litmus-norms|
12_1|ada|PENDING|4:00:00|1|Resources|litmus-norms|
13|{me}|RUNNING|1:00|0|None|litmus-norms|
14|bob|COMPLETED|0:00|0|None|litmus-norms|
15|bob|RUNNING|1:00|0|None|litmus-norms|
"""
"""Job 15 works in another folder of the same name."""


@pytest.fixture
def squeue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Put stand-ins on PATH, and return what returns the commands that were asked."""
    me = slurm.own_tasks([slurm.Task("1", "", name, "", "", 0, "") for name in ("root", os.environ.get("USER", "x"))])
    (tmp_path / "lines").write_text(LINES.format(me=me[0].user if me else "root"))
    for name in ("squeue", "scancel", "sbatch"):
        file = tmp_path / "bin" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(
            f'#!/bin/sh\necho "{name} $@" >> {tmp_path}/asked\n[ {name} != squeue ] || cat {tmp_path}/lines\n'
        )
        file.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(slurm, "_answers", {})
    return lambda: (tmp_path / "asked").read_text().splitlines() if (tmp_path / "asked").exists() else []


def test_a_process_asks_once_in_half_a_minute_for_all_jobs_of_a_study(
    squeue: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(slurm.time, "monotonic", lambda: now[0])
    for second in range(60):
        now[0] = 100.0 + second
        for job in range(8):
            slurm.job_state(f"12_{job}", "litmus-norms")
        assert [task.name for task in slurm.tasks({"norms": ["12", "13", "14"]})] == ["12_0", "12_1", "13"]
    assert len(squeue()) == 2
    assert slurm.job_state("12_0", "litmus-norms") == ("RUNNING", 0, 28.0)
    assert slurm.job_state("99", "litmus-norms")[0] == ""
    slurm.forget()
    slurm.job_state("12_0", "litmus-norms")
    assert len(squeue()) == 3


def test_a_controller_that_is_away_is_not_asked_more_often(squeue: Callable[[], list[str]], tmp_path: Path) -> None:
    (tmp_path / "bin" / "squeue").write_text(f"#!/bin/sh\necho squeue >> {tmp_path}/asked\necho away >&2\nexit 1\n")
    for _ in range(5):
        assert slurm.job_state("12_0", "litmus-norms")[0] == ""
        with pytest.raises(UserError, match="SLURM does not answer: away"):
            slurm.tasks({"norms": ["12"]})
    assert len(squeue()) == 1


def test_status_says_whose_jobs_they_are_and_stop_ends_only_ones_own(
    squeue: Callable[[], list[str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    study = Study("norms", "Which norm?", {"model.name": "lenet5"}, {"model.norm": ["none", "batch"]}, {})
    synthetic(tmp_path / "runs" / "norms", study, lambda arm, seed: {"test_top1": 0.8, "val_top1": 0.8}, seeds=1)
    jobs = StudyJobs(tmp_path / "runs" / "norms")
    jobs.add("12")
    jobs.add("14")
    assert run_command(["status", "norms"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "jobs of norms (ada): 1 running, 3:59:12 left; 1 requeued (Resources)" in printed
    assert run_command(["stop", "norms"]) == 2
    assert capsys.readouterr().err == "litmus: 2 tasks of norms of ada: only who submitted a job can stop it\n"
    assert not any(line.startswith("scancel") for line in squeue())
    jobs.add("13")
    assert run_command(["stop", "norms"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "cancelled 1 task of job 13; finished runs stay\n"
    assert captured.err == "litmus: 2 tasks of norms of ada stay: only who submitted a job can stop it\n"
    assert [line for line in squeue() if line.startswith("scancel")] == ["scancel 13"]
