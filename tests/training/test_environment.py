"""How many CPUs and threads a process uses: by its affinity, SLURM, the options and the environment."""

import os

import pytest

from litmus.launch.config import LaunchConfig, execution_of
from litmus.training.environment import available_cpus
from litmus.training.execute import threads_of
from litmus.training.run import Execution


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


def test_the_fewest_cpus_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_cpus() == 8
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "2")
    assert available_cpus() == 8  # of a job that this process is not in
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert available_cpus() == 2


def test_threads_are_those_asked_for_else_one_for_a_small_network() -> None:
    assert threads_of(Execution(threads=4), flops=1e6) == 1
    assert threads_of(Execution(threads=4), flops=1e9) == 4
    assert threads_of(Execution(threads=4, threads_asked=True), flops=1e6) == 4


@pytest.mark.parametrize(
    ("options", "said", "threads", "asked"),
    [
        ({"workers": 2}, None, 4, False),
        ({"workers": 2}, "3", 3, True),
        ({"workers": 2, "threads": 2}, "3", 2, True),
    ],
)
def test_an_option_goes_before_the_environment_and_that_before_a_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, int], said: str | None, threads: int, asked: bool
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    execution = execution_of(LaunchConfig(accelerator="cpu", wandb="disabled", **options))  # type: ignore[arg-type]
    assert (execution.threads, execution.threads_asked) == (threads, asked)
