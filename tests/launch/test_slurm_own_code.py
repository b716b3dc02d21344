"""A study of the user's own code on a real SLURM: its jobs run the code of their start, and no other."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from cluster_jobs import Slurm, at_work, jobs, records, start, wait_for
from tiny_runs import command

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
