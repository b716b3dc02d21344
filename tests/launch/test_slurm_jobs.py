"""How many jobs a study gets where the user does not say: as many as are worth their start."""

import pytest
import torch
from tiny_runs import TINY

from litmus.launch import forecast as run_seconds
from litmus.launch.machine import LaunchConfig
from litmus.launch.slurm import Jobs, at_a_time, jobs_for
from litmus.launch.slurm_config import SlurmConfig
from litmus.training.config import RunConfig, resolve


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of a step, which a test may change; the digits have 22 steps of 64 in an epoch."""
    seconds = [1.0]
    monkeypatch.setattr(run_seconds, "measure_step", lambda *arguments: seconds.append(seconds[0]) or seconds[0])
    return seconds


def configs(count: int, **settings: object) -> list[RunConfig]:
    return [resolve({**TINY, "trainer.epochs": 10, **settings}).with_seed(seed) for seed in range(count)]


def launch(**slurm: object) -> LaunchConfig:
    return LaunchConfig(accelerator="cpu", slurm=SlurmConfig(**slurm))  # type: ignore[arg-type]


def test_jobs_are_as_many_as_have_minutes_of_work(timed: list[float]) -> None:
    some = jobs_for(launch(), configs(12))  # some 200 s each
    assert 8 <= some.count < 12
    assert "of work by a step timed here, so " in some.reason
    assert len(timed) == 2  # the seeds have one network
    timed[0] = 0.001
    assert jobs_for(launch(), configs(12)).count == 1
    timed[0] = 100.0
    assert jobs_for(launch(), configs(12)).count == 12
    assert jobs_for(launch(), configs(500)).count == 32
    # A job that executes four runs at a time is worth its start where it has work for four.
    timed[0] = 1.0
    assert jobs_for(launch(cpus=4), configs(12)).count == -(-some.count // 4)


def test_what_is_asked_for_is_not_timed(timed: list[float]) -> None:
    assert jobs_for(launch(parallel=5), configs(12)) == Jobs(5)
    assert jobs_for(launch(parallel=50), configs(12)) == Jobs(12)
    assert len(timed) == 1


def test_many_networks_are_not_all_timed(timed: list[float]) -> None:
    widths = [each for width in range(8, 40) for each in configs(1, **{"model.width": width})]
    assert jobs_for(launch(), widths).count > 8
    assert len(timed) == 1 + 8


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what the jobs have")
def test_where_jobs_have_gpus_and_this_machine_has_none_nothing_is_timed(timed: list[float]) -> None:
    there = LaunchConfig(slurm=SlurmConfig(gpus=4))
    assert jobs_for(there, configs(12)) == Jobs(8)
    assert jobs_for(there, configs(3)) == Jobs(3)
    assert len(timed) == 1


@pytest.mark.parametrize(
    ("config", "runs"),
    [
        (LaunchConfig(), 1),
        (LaunchConfig(workers=3), 3),
        (LaunchConfig(slurm=SlurmConfig(gpus=4)), 4),
        (LaunchConfig(slurm=SlurmConfig(gpus=4), devices=2, per_device=3), 6),
        (LaunchConfig(slurm=SlurmConfig(nodes=2, gpus=4), devices=8), 1),
    ],
)
def test_runs_of_a_job_at_a_time(config: LaunchConfig, runs: int) -> None:
    assert at_a_time(config) == runs
