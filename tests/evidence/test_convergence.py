"""What learning curves warn of: training that was too short, training that was too long, and neither."""

import math
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import Truth, synthetic

from litmus import Study
from litmus.design.plan import Arm
from litmus.evidence.convergence import loss_rise, rise_at_the_end
from litmus.evidence.results import ArmResult

STUDY = Study("pair", base={"model.name": "lenet5"}, factors={"model.norm": ["none", "batch"]})
EPOCHS = range(1, 11)


def arm_of(directory: Path, top1: Any, loss: Any, seeds: int = 3) -> ArmResult:
    """Return an arm whose evaluations are `top1(epoch, seed)` and `loss(epoch, seed)`."""

    def truth(arm: Arm, seed: int) -> Truth:
        rows = [{"step": 5 * e, "val_top1": top1(e, seed), "val_loss": loss(e, seed)} for e in EPOCHS]
        return {"test_top1": 0.9, "val_top1": rows[-1]["val_top1"], "curve": rows}

    return synthetic(directory, STUDY, truth, seeds=seeds).arms[0]


def ended(epoch: int, seed: int) -> float:
    # The same noise around a level in every seed, of either sign.
    return 0.9 - 0.5 * math.exp(-2 * epoch) + 0.01 * math.sin(7 * epoch + 5 * seed)


def test_a_run_that_rises_to_its_end_is_told_from_one_that_has_ended(tmp_path: Path) -> None:
    def rising(epoch: int, seed: int) -> float:
        return 0.5 + 0.02 * epoch + 0.001 * seed * epoch

    found = rise_at_the_end(arm_of(tmp_path / "rising", rising, ended), "val_top1", higher_is_better=True)
    assert found == pytest.approx(2 * 0.02 + 2 * 0.001)  # epochs 9 and 10 less 7 and 8; seeds 0, 1 and 2
    assert rise_at_the_end(arm_of(tmp_path / "ended", ended, ended), "val_top1", higher_is_better=True) is None
    assert rise_at_the_end(arm_of(tmp_path / "one", rising, ended, seeds=1), "val_top1", higher_is_better=True) is None
    assert rise_at_the_end(arm_of(tmp_path / "loss", ended, rising), "val_loss", higher_is_better=False) is None


def test_a_loss_that_rises_after_its_lowest_value_is_told_from_one_that_wavers(tmp_path: Path) -> None:
    def overfit(epoch: int, seed: int) -> float:
        return 1.0 - 0.1 * epoch if epoch <= 4 else 0.6 + 0.05 * (epoch - 4) + 0.002 * seed

    found = loss_rise(arm_of(tmp_path / "overfit", ended, overfit))
    assert found is not None
    assert (found.fraction, found.at) == (pytest.approx((0.3 + 0.002) / 0.6), pytest.approx(0.4))
    assert loss_rise(arm_of(tmp_path / "ended", ended, ended)) is None

    def near_zero(epoch: int, seed: int) -> float:
        return 0.0004 * (1 + epoch)

    assert loss_rise(arm_of(tmp_path / "zero", ended, near_zero)) is None


def test_seeds_that_disagree_are_no_warning(tmp_path: Path) -> None:
    def disagree(epoch: int, seed: int) -> float:
        return 0.5 + 0.03 * epoch * (seed - 0.8)

    arm = arm_of(tmp_path, disagree, disagree)
    assert rise_at_the_end(arm, "val_top1", higher_is_better=True) is None
    assert loss_rise(arm) is None
