"""Promises 3 and 8 over real processes: two devices train on the global batches of one."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from tiny_runs import TINY

from litmus import run
from litmus.design.study import Study
from litmus.records.run_record import run_records

# 63 samples: unequal shares. The 360 test images are three batches, the 144 validation images one.
UNEVEN = {
    **TINY, "data.batch_size": 63, "data.eval_batch_size": 150, "data.augment": "crop", "data.drop_last": False,
    "trainer.precision": "64-true",
}  # fmt: skip
BATCH = {"model.norm": "batch"}
STUDY = Study(
    "devices",
    "Do two devices train like one?",
    UNEVEN,
    dict.fromkeys(("model.norm", "trainer.accumulate", "trainer.sync_batchnorm", "optim.lr"), ()),
    arms={
        "no norm": {"model.norm": "none"},
        "batch": BATCH,
        "accumulated": {"model.norm": "none", "trainer.accumulate": 2},
        "apart": {**BATCH, "trainer.sync_batchnorm": False},
        "still": {**BATCH, "optim.lr": 1e-30},
    },
    baseline="no norm",
)


def test_two_devices_train_like_one_and_apart_only_if_batch_norm_is_not_synchronised(tmp_path: Path) -> None:
    one, two = (
        run(STUDY, seeds=1, out=tmp_path / str(devices), workers=1, devices=devices, wandb="disabled")
        for devices in (1, 2)
    )
    assert one.crashed == two.crashed == {}
    assert set(two.records["environment.devices"]) == {2}
    first, second = (each.records.set_index("arm") for each in (one, two))
    for arm in STUDY.arms:
        folders = [each.report.parent / found["run"][arm] for each, found in ((one, first), (two, second))]
        weights = [torch.load(each / "checkpoints/last.ckpt", weights_only=True)["state_dict"] for each in folders]
        same = [torch.allclose(weights[0][key], weights[1][key], rtol=1e-9, atol=1e-11) for key in weights[0]]
        if arm == "apart":  # another experiment
            assert first["run"][arm] != second["run"][arm]
            regimes = [each["normalisation.statistics_over"][arm] for each in (first, second)]
            assert regimes == [63, 31.5]
            assert not all(same)
            continue
        assert first["run"][arm] == second["run"][arm]
        assert all(same), arm
        curves = [pd.read_csv(each / "metrics.csv") for each in folders]
        pd.testing.assert_frame_equal(*curves, rtol=1e-5)
    # At a rate that moves no weight, both evaluate the same network: equal to the last digit.
    for column in ("val_loss", "val_top1", "test_loss", "test_top1"):
        assert first[column]["still"] == second[column]["still"], column


@pytest.mark.slow
def test_torchrun_trains_each_run_by_all_its_processes(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "mine.py").write_text(
        '"""Does batch norm help?"""\n\n'
        "from litmus import Study\n\n"
        f"study = Study(source='none', base={TINY!r}, factors={{'model.norm': ['none', 'batch']}},\n"
        "    baseline={'model.norm': 'none'}, seeds=1)\n"
        "if __name__ == '__main__':\n    study.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
         "mine.py", "--out", "two", "--accelerator", "cpu"],
        cwd=tmp_path, env={**environment, "PYTHONPATH": os.pathsep.join(sys.path)}, capture_output=True, text=True,
        timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("report: ") == 1  # by the first process
    run(tmp_path / "mine.py", out=tmp_path / "one", workers=1, accelerator="cpu", wandb="disabled")
    one, two = (
        {record.run_id: record.read_summary() for record in run_records(tmp_path / out / "mine")}
        for out in ("one", "two")
    )
    assert one.keys() == two.keys()
    for name in one:
        assert two[name]["environment"]["devices"] == 2
        assert two[name]["metrics"] == pytest.approx(one[name]["metrics"], rel=2e-2, abs=2e-2)
