"""`litmus work`: what is planned on one machine is executed by any others, whatever happens to them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cluster_jobs import assert_identical, at_work, records, run_here, vary, wait_for
from forked_command import Forked

from litmus.cli.main import run_command
from litmus.core.errors import UserError
from litmus.launch import work
from litmus.launch.work import AGAIN, missing_runs
from litmus.records.study_record import StudyJobs

Litmus = Callable[..., "subprocess.CompletedProcess[str]"]
DISTURBED = ("--seeds", "2", "--trainer.epochs", "8", "--checkpoint-every", "20steps", "--workers", "1")


def plan(out: Path, *more: str) -> Path:
    """Plan the study `s` under `out`, and return its folder."""
    run_here(vary(out, "s", *more, "--launcher", "none"))
    return out / "s"


def test_a_plan_is_executed_by_work_and_reported_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = plan(tmp_path, "--seeds", "1")
    assert not records(study)
    assert "2 runs planned, 2 to do; `litmus work" in capsys.readouterr().err
    assert run_command(["work", str(study)]) == 0
    assert {record.state() for record in records(study).values()} == {"finished"}
    run_here(vary(tmp_path, "s", "--seeds", "1", "--launcher", "none"))
    assert "report: " in capsys.readouterr().out
    assert run_command(["work", str(study)]) == 0  # nothing is left


@pytest.mark.slow
def test_of_three_processes_one_is_killed_and_one_stopped_and_the_bits_are_those_of_one(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    study = plan(tmp_path / "together", *DISTURBED)
    killed, stopped = (Forked(["work", str(study)], environment) for _ in range(2))
    wait_for(lambda: at_work(study) == 2)
    os.killpg(killed.pid, signal.SIGKILL)
    stopped.send_signal(signal.SIGTERM)
    _, errors = stopped.communicate(timeout=120)
    assert stopped.returncode == AGAIN, errors
    assert "litmus: stopped by SIGTERM; the same command continues" in errors
    assert any(record.state() != "finished" for record in records(study).values())
    again = Forked(["work", str(study)], environment)
    _, errors = again.communicate()
    assert again.returncode == 0, errors
    run_here(vary(tmp_path / "alone", "s", *DISTURBED))
    assert_identical(tmp_path / "alone" / "s", study, runs=4)


CRASHING = """
from torch import nn

from litmus.lit_archs import register


@register("crashing", input_shape=(1, 8, 8))
def crashing(num_classes: int = 10, in_channels: int = 1, image_size: int = 8, *, width: int = 8) -> nn.Module:
    if width == 9 and __import__("pathlib").Path(__file__).with_name("planned").exists():
        raise RuntimeError("no nine")
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, num_classes))
"""


@pytest.mark.slow
def test_crashed_runs_are_exit_status_1_once(tmp_path: Path, litmus: Litmus) -> None:
    source = tmp_path / "crashing.py"
    source.write_text(CRASHING)
    options = ["--model", "crashing", "--source", str(source), "--vary", "model.width=8,9", "--seeds", "1"]
    options += ["--data", "digits", "--trainer.epochs", "1", "--out", str(tmp_path), "--name", "s"]
    planned = litmus("vary", *options, "--launcher", "none")
    assert planned.returncode == 0, planned.stderr
    (tmp_path / "planned").touch()
    done = litmus("work", str(tmp_path / "s"))
    assert done.returncode == 1, done.stderr
    assert sorted(record.state() for record in records(tmp_path / "s").values()) == ["crashed", "finished"]
    assert litmus("work", str(tmp_path / "s")).returncode == 0  # nothing is left to do
    (tmp_path / "planned").unlink()
    assert litmus("vary", *options, "--launcher", "none").returncode == 0  # asks for them again
    assert litmus("work", str(tmp_path / "s")).returncode == 0
    assert {record.state() for record in records(tmp_path / "s").values()} == {"finished"}


@pytest.mark.parametrize("content", [None, "{", "[1]"])
def test_a_folder_without_a_list_of_runs_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str | None
) -> None:
    if content is not None:
        (tmp_path / "runs.json").write_text(content)
    assert run_command(["work", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"litmus: {tmp_path}")


def test_each_job_has_an_order_of_its_own_and_keeps_the_arms_of_a_seed_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = plan(tmp_path, "--seeds", "8")
    orders = []
    for job in ("7", "8", "7"):
        monkeypatch.setenv("SLURM_JOB_ID", job)
        monkeypatch.setenv("SLURM_JOB_NAME", "litmus-s")
        orders.append([(run.config.seed, run.arm) for run in missing_runs(study)])
    first, other, again = orders
    assert first == again
    assert first != other
    assert sorted(first) == sorted(other)
    seeds = [seed for seed, _ in first]
    assert all(seeds[index] == seeds[index + 1] for index in range(0, 16, 2))


def test_jobs_with_gpus_never_train_on_the_cpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from litmus.launch.config import LaunchConfig, SlurmConfig

    study = plan(tmp_path, "--seeds", "1", "--slurm.gpus", "a100:1")
    capsys.readouterr()
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert run_command(["work", str(study)]) == 2
    assert "--devices 1 on cuda: PyTorch sees 0 GPUs" in capsys.readouterr().err
    for extra, expected in (
        ("gres=gpu:2", "cuda"),
        ("gpus=2", "cuda"),
        ("gres=shard:1,gpu:1", "cuda"),
        ("x=gpu", "auto"),
    ):
        work.write_runs(study, [], LaunchConfig(launcher="slurm", slurm=SlurmConfig(extra=(extra,))))
        assert json.loads(StudyJobs(study).runs_file.read_text())["launch"]["accelerator"] == expected
    with pytest.raises(UserError, match="accelerator cpu would leave the GPUs of the jobs idle"):
        LaunchConfig(launcher="slurm", accelerator="cpu", slurm=SlurmConfig(gpus=1))


RAY = """
import sys
from pathlib import Path

import ray
from ray.cluster_utils import Cluster

from litmus.launch.work import AGAIN, work


@ray.remote(num_cpus=1, max_retries=-1, retry_exceptions=True, scheduling_strategy="SPREAD")
def work_on(folder):
    status = work(Path(folder))
    if status == AGAIN:
        raise InterruptedError("the task was stopped")
    return status


if __name__ == "__main__":
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    other = cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address)
    tasks = [work_on.remote(sys.argv[1]) for _ in range(2)]
    sys.stdin.readline()
    cluster.remove_node(other, allow_graceful=False)
    print(sorted(ray.get(tasks)))
"""
"""The tasks of docs/cluster.md on two nodes, one of which is lost at the first line of standard input."""

LONGER = (*DISTURBED, "--seeds", "6", "--trainer.epochs", "12")
"""Ray takes seconds to notice that a node is lost: enough runs to be at work then."""


@pytest.mark.slow
def test_tasks_of_ray_end_in_the_same_bits_though_a_node_is_lost(tmp_path: Path, environment: dict[str, str]) -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    study = plan(tmp_path / "together", *LONGER)
    (tmp_path / "tasks.py").write_text(RAY)
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "tasks.py"), str(study)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    wait_for(lambda: at_work(study) == 2 or process.poll() is not None)
    printed, _ = process.communicate("\n", timeout=600)
    assert process.returncode == 0
    assert "[0, 0]" in printed.splitlines()
    run_here(vary(tmp_path / "alone", "s", *LONGER))
    assert_identical(tmp_path / "alone" / "s", study, runs=12)
