"""Promises 3 and 8 over real processes: two devices train on the global batches of one."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.distributed as distributed
import torch.multiprocessing as multiprocessing
from tiny_runs import TINY
from torch import nn

from litmus import run
from litmus.design.study import Study
from litmus.launch.local import free_port
from litmus.lit_archs.layers.sync_batch_norm import SyncBatchNorm, synchronise_batch_norm
from litmus.records.run_record import run_records

STUDY = Study(
    "devices", "Do two devices train like one?", TINY, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}
)


def _weights(report: Path, run_id: str) -> dict[str, torch.Tensor]:
    return torch.load(report.parent / run_id / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_two_devices_train_like_one(tmp_path: Path) -> None:
    settings = {
        "data.batch_size": 63,
        "data.eval_batch_size": 100,
        "data.augment": "crop",
        "data.drop_last": False,
    }
    one = run(STUDY, seeds=1, settings=settings, out=tmp_path / "one", workers=1, wandb="disabled")
    two = run(STUDY, seeds=1, settings=settings, out=tmp_path / "two", workers=1, devices=2, wandb="disabled")
    assert one.crashed == two.crashed == {}
    assert set(one.records["run"]) == set(two.records["run"])  # the same experiment
    assert set(two.records["environment.devices"]) == {2}
    for run_id in one.records["run"]:
        first, second = _weights(one.report, run_id), _weights(two.report, run_id)
        assert first.keys() == second.keys()
        for key in first:
            torch.testing.assert_close(first[key], second[key], rtol=1e-3, atol=1e-4, msg=key)
        curves = [pd.read_csv(each.report.parent / run_id / "metrics.csv") for each in (one, two)]
        pd.testing.assert_frame_equal(*curves, rtol=2e-3, atol=5e-3)


def test_unsynchronised_batch_norm_over_two_devices_is_another_run(tmp_path: Path) -> None:
    settings = {"trainer.sync_batchnorm": False}
    options: dict = {"seeds": 1, "settings": settings, "out": tmp_path, "workers": 1, "wandb": "disabled"}
    one, two = run(STUDY, **options), run(STUDY, devices=2, **options)
    assert not set(one.records["run"]) & set(two.records["run"])
    assert set(two.records["normalisation.statistics_over"]) == {32}
    assert set(one.records["normalisation.statistics_over"]) == {64}


def _normalise(rank: int, port: int, x: torch.Tensor, out: Path) -> None:
    distributed.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    layer = synchronise_batch_norm(nn.Sequential(nn.BatchNorm2d(3)))
    assert isinstance(layer[0], SyncBatchNorm)
    mine = x[:3] if rank == 0 else x[3:]
    mine = mine.clone().requires_grad_()
    result = layer(mine)
    (result**3).sum().backward()
    torch.save((result.detach(), mine.grad, layer.state_dict()), out / f"{rank}.pt")
    distributed.destroy_process_group()


@pytest.mark.slow
def test_synchronised_batch_norm_is_batch_norm_over_all_samples(tmp_path: Path) -> None:
    # Unequal shares, and a mean far from zero, where a one-pass variance would fail.
    x = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(0)) + 100
    multiprocessing.spawn(_normalise, (free_port(), x, tmp_path), nprocs=2)
    reference = nn.BatchNorm2d(3)
    whole = x.clone().requires_grad_()
    result = reference(whole)
    (result**3).sum().backward()
    parts = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    torch.testing.assert_close(torch.cat([part[0] for part in parts]), result.detach(), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(torch.cat([part[1] for part in parts]), whole.grad, rtol=1e-3, atol=1e-3)
    for key, value in reference.state_dict().items():
        torch.testing.assert_close(parts[0][2][f"0.{key}"], value)


@pytest.mark.slow
def test_torchrun_trains_each_run_by_all_its_processes(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Does batch norm help?"""\n\n'
        "from litmus.cli.main import run_script\nfrom litmus import Study\n\n"
        f"study = Study(source='none', base={TINY!r}, factors={{'model.norm': ['none', 'batch']}},\n"
        "    baseline={'model.norm': 'none'}, seeds=1)\n"
        "if __name__ == '__main__':\n    run_script(study)\n"
    )
    results = []
    for start in ([sys.executable], [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]):
        out = tmp_path / str(len(results))
        done = subprocess.run(
            [*start, "mine.py", "--out", str(out), "--accelerator", "cpu"],
            cwd=tmp_path, env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
            timeout=500,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("report: ") == 1  # the first process tells, the others are silent
        results.append({record.run_id: record.read_summary() for record in run_records(out / "mine")})
    one, two = results
    assert one.keys() == two.keys()
    for name in one:
        assert two[name]["environment"]["devices"] == 2
        assert two[name]["metrics"] == pytest.approx(one[name]["metrics"], rel=2e-2, abs=2e-2)
