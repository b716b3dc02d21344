"""What learning curves warn of: training that was too short, training that was too long, and neither."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus import Study
from litmus.design.plan import Arm
from litmus.evidence.convergence import fall_at_the_end, loss_rise
from litmus.evidence.results import ArmResult

STUDY = Study("pair", base={"model.name": "lenet5"}, factors={"model.norm": ["none", "batch"]})
EPOCHS = range(1, 11)


def arm_of(directory: Path, loss: Callable[[int, int], float], seeds: int = 3) -> ArmResult:
    """Return an arm whose validation loss is `loss(epoch, seed)`."""

    def truth(arm: Arm, seed: int) -> Truth:
        rows = [{"step": 5 * epoch, "val_loss": loss(epoch, seed)} for epoch in EPOCHS]
        return {"test_top1": 0.9, "val_top1": 0.9, "curve": rows}

    return synthetic(directory, STUDY, truth, seeds=seeds).arms[0]


def ended(epoch: int, seed: int) -> float:
    # The same noise around a level in every seed, of either sign.
    return 0.9 - 0.5 * math.exp(-2 * epoch) + 0.01 * math.sin(7 * epoch + 5 * seed)


def test_a_loss_that_falls_to_the_end_is_told_from_one_that_has_ended(tmp_path: Path) -> None:
    def falling(epoch: int, seed: int) -> float:
        return 1.2 - 0.06 * epoch - 0.001 * seed * epoch

    found = fall_at_the_end(arm_of(tmp_path / "falling", falling))
    # Epoch 8 less 10, of seeds 0, 1 and 2.
    falls = [(2 * (0.06 + 0.001 * seed)) / (1.2 - 8 * (0.06 + 0.001 * seed)) for seed in range(3)]
    assert found == pytest.approx(sum(falls) / 3)
    assert fall_at_the_end(arm_of(tmp_path / "ended", ended)) is None
    assert fall_at_the_end(arm_of(tmp_path / "one", falling, seeds=1)) is None

    def slowly(epoch: int, seed: int) -> float:
        return 1.0 - 0.01 * epoch - 0.001 * seed * epoch

    assert fall_at_the_end(arm_of(tmp_path / "slowly", slowly)) is None

    def early(epoch: int, seed: int) -> float:
        return 1.0 - 0.1 * min(epoch, 8) + 0.001 * seed

    assert fall_at_the_end(arm_of(tmp_path / "early", early)) is None


def test_a_loss_that_rises_after_its_lowest_value_is_told_from_one_that_wavers(tmp_path: Path) -> None:
    def overfit(epoch: int, seed: int) -> float:
        return 1.0 - 0.1 * epoch if epoch <= 4 else 0.6 + 0.05 * (epoch - 4) + 0.002 * seed

    found = loss_rise(arm_of(tmp_path / "overfit", overfit))
    assert found is not None
    assert (found.fraction, found.at) == (pytest.approx((0.3 + 0.002) / 0.6), pytest.approx(0.4))
    assert loss_rise(arm_of(tmp_path / "ended", ended)) is None

    def near_zero(epoch: int, seed: int) -> float:
        return 0.0004 * (1 + epoch)

    assert loss_rise(arm_of(tmp_path / "zero", near_zero)) is None


def test_seeds_that_disagree_are_no_warning(tmp_path: Path) -> None:
    def disagree(epoch: int, seed: int) -> float:
        return 0.5 + 0.03 * epoch * (seed - 0.8)

    arm = arm_of(tmp_path, disagree)
    assert fall_at_the_end(arm) is None
    assert loss_rise(arm) is None
