"""Which devices, CPUs and threads a process uses, in which arithmetic, and what is recorded of them."""

import os
import re
from pathlib import Path
from typing import get_args

import pytest
import torch

from litmus.core.errors import UserError
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.launch import conduct
from litmus.launch.config import LaunchConfig, SlurmConfig, execution_of
from litmus.launch.process_group import ProcessGroup, slurm_group, torchrun_group
from litmus.training.config import Precision, require_precision, use_precision
from litmus.training.environment import available_cpus, gpu_versions
from litmus.training.execute import threads_of
from litmus.training.run import Execution


@pytest.fixture(autouse=True)
def eight_cpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)


def test_the_fewest_cpus_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert available_cpus() == 8
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "2")
    assert available_cpus() == 8  # of a job that this process is not in
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert available_cpus() == 2
    monkeypatch.setenv("SLURM_CPUS_PER_TASK", "0")
    assert available_cpus() == 8


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


@pytest.mark.parametrize(
    ("options", "gpus", "visible", "expected"),
    [
        ({}, 0, None, "cpu"),
        ({}, 2, None, "cuda"),
        ({"devices": 2}, 2, "GPU-1f2e,GPU-77aa", "cuda"),
        ({}, 1, "MIG-1f2e", "cuda"),
        ({"devices": 8}, 0, None, "cpu"),
        ({"devices": 9}, 0, None, "--devices 9: PyTorch sees 0 GPUs and 8 cores on "),
        ({"devices": 4}, 2, None, "--devices 4: PyTorch sees 2 GPUs and 8 cores on "),
        ({"devices": 4, "accelerator": "cpu"}, 2, "0,1", "cpu"),
        ({"accelerator": "cuda"}, 0, None, "--devices 1 on cuda: PyTorch sees 0 GPUs"),
        ({}, 0, "0", "CUDA_VISIBLE_DEVICES=0: PyTorch sees 0 GPUs"),
        ({}, 0, "", "cpu"),
        ({}, 0, "-1", "cpu"),
    ],
)
def test_whoever_asks_for_gpus_never_trains_on_the_cpu_in_silence(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, object], gpus: int, visible: str | None, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    launch = LaunchConfig(wandb="disabled", **options)  # type: ignore[arg-type]
    if expected in ("cpu", "cuda"):
        assert execution_of(launch).accelerator == expected
    else:
        with pytest.raises(UserError, match=re.escape(expected)):
            execution_of(launch)


@pytest.mark.parametrize("asked", [{"gpus": 2}, {"extra": ("gres=gpu:a100:2",)}, {"extra": ("gpus-per-task=1",)}])
def test_jobs_that_ask_for_gpus_train_on_them(asked: dict[str, object]) -> None:
    launch = LaunchConfig(launcher="slurm", slurm=SlurmConfig(**asked))  # type: ignore[arg-type]
    assert launch.accelerator == "cuda"
    assert LaunchConfig(launcher="slurm", slurm=SlurmConfig(extra=("mem=3G",))).accelerator == "auto"
    with pytest.raises(UserError, match="accelerator cpu would leave the GPUs of the jobs idle"):
        LaunchConfig(launcher="slurm", accelerator="cpu", slurm=SlurmConfig(**asked))  # type: ignore[arg-type]


def test_jobs_of_a_cluster_write_fewer_checkpoints() -> None:
    assert execution_of(LaunchConfig(wandb="disabled")).checkpoint_seconds == 10
    assert LaunchConfig(launcher="slurm").checkpoint_every == "5m"
    assert LaunchConfig(launcher="slurm", checkpoint_every="epoch").checkpoint_every == "epoch"


STEP = {"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "3", "SLURM_LOCALID": "1",
        "SLURM_NODEID": "1"}  # fmt: skip


def test_a_group_is_that_of_a_step_and_a_part_of_its_variables_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert slurm_group(environment=STEP) == ProcessGroup(3, 4, 1, 1, 2)
    for name in STEP:
        assert slurm_group(environment={key: value for key, value in STEP.items() if key != name}) is None
    # A shell in a job of four tasks, which would wait for three others.
    assert slurm_group(environment={"SLURM_NTASKS": "4", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"}) is None
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    alone = slurm_group("auto", STEP)  # each process sees a GPU of its own
    assert alone == ProcessGroup(3, 4, 0, 3, 4)
    assert alone.processes_per_node == 1
    assert slurm_group("cpu", STEP) == ProcessGroup(3, 4, 1, 1, 2)


def test_a_part_of_torchruns_variables_is_one_line() -> None:
    whole = {"TORCHELASTIC_RUN_ID": "x", "RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    assert torchrun_group(whole) == ProcessGroup(1, 2, 1, 0, 1)
    assert torchrun_group({**whole, "RANK": "0", "WORLD_SIZE": "1"}) is None
    assert torchrun_group({}) is None
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"):
        for value in ("", "two"):
            with pytest.raises(UserError, match="torchrun sets RANK, WORLD_SIZE"):
                torchrun_group({**whole, name: value})


@pytest.mark.parametrize("switched", ["nothing", "all", "cuda", "medium"])
def test_the_switches_of_tf32_agree_whatever_was_switched_before(switched: str) -> None:
    backends = torch.backends
    for precision, name in (("tf32", "high"), ("32-true", "highest")):
        if switched == "all" and hasattr(backends, "fp32_precision"):
            backends.fp32_precision = "tf32"
        if switched == "cuda" and hasattr(backends.cuda.matmul, "fp32_precision"):
            backends.cuda.matmul.fp32_precision = "tf32"
        if switched == "medium":
            torch.set_float32_matmul_precision("medium")
        try:
            use_precision(precision)
            assert torch.get_float32_matmul_precision() == name  # Lightning asks
            assert backends.cudnn.allow_tf32 is backends.cuda.matmul.allow_tf32 is (precision == "tf32")
            if hasattr(backends.cuda.matmul, "fp32_precision"):
                found = {
                    each.fp32_precision for each in (backends.cuda.matmul, backends.cudnn.conv, backends.cudnn.rnn)
                }
                assert found == {"tf32" if precision == "tf32" else "ieee"}
                assert backends.mkldnn.matmul.fp32_precision == "ieee"  # on a CPU the two are the same
        finally:
            if hasattr(backends, "fp32_precision"):
                backends.fp32_precision = "none"
            use_precision("32-true")


def test_the_versions_of_what_computes_on_a_gpu(tmp_path: Path) -> None:
    file = tmp_path / "version"
    assert gpu_versions(file)["driver"] == "unknown"
    for line, version in (
        ("NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.104.05  Sat Aug 19 01:15:15 UTC 2023", "535.104.05"),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build", "570.86.15"),
    ):
        file.write_text(f"{line}\nGCC version: gcc 12.3.0\n")
        assert gpu_versions(file)["driver"] == version
    assert set(gpu_versions()) == {"driver", "cuda", "cudnn", "nccl"}


@pytest.mark.parametrize(
    ("precision", "accelerator", "capability", "said"),
    [
        *((each, "cpu", None, "") for each in ("32-true", "bf16-mixed", "64-true")),
        *((each, "cpu", None, "needs a GPU, and these runs are on the CPU") for each in ("16-mixed", "tf32")),
        *((each, "cuda", (8, 0), "") for each in get_args(Precision)),
        *((each, "cuda", (7, 5), "") for each in ("32-true", "16-mixed", "64-true")),
        *((each, "cuda", (7, 5), "needs a GPU of compute capability 8.0") for each in ("bf16-mixed", "tf32")),
    ],
)
def test_a_precision_is_computed_as_it_is_called_or_refused(
    monkeypatch: pytest.MonkeyPatch, precision: str, accelerator: str, capability: tuple[int, int] | None, said: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: capability)
    if not said:
        require_precision(precision, accelerator)
        return
    with pytest.raises(UserError, match=f"^trainer.precision {precision} {said}.*; valid here: 32-true") as refused:
        require_precision(precision, accelerator)
    assert f" {precision}" not in str(refused.value).partition("valid here")[2]


@pytest.mark.parametrize("accelerator", ["cpu", "cuda"])
def test_a_launcher_asks_no_gpu_what_it_computes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, accelerator: str
) -> None:
    """A context in the launcher would keep a GPU in exclusive mode from the workers, which ask it themselves."""

    def fail(*_: object) -> None:
        raise RuntimeError("from here on")

    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: pytest.fail("the launcher asked the GPU"))
    monkeypatch.setattr(conduct, "execution_of", lambda *_: Execution(accelerator=accelerator))
    monkeypatch.setattr(conduct, "RunFactory", fail)
    study = Study(name="x", question="?", base={"model.name": "mlp", "trainer.precision": "tf32"}, arms={"one": {}})
    with pytest.raises(UserError if accelerator == "cpu" else RuntimeError, match=r"on the CPU|from here on"):
        conduct.conduct(expand(study), LaunchConfig(out=str(tmp_path), wandb="disabled"))
