"""Steps to a target, with runs that never arrive, and areas under curves against numpy."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.learning_curves import NEVER, Arrival, arrival, arrivals


def curve(steps: list[int], values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"step": steps, "val_top1": values})


def test_an_arrival_is_where_the_smoothed_curve_passes_the_target() -> None:
    rows = curve([5, 10, 15, 20, 30], [math.nan, 0.5, 0.8, 0.7, math.nan])
    # 0.8 and 0.7 fall, and are smoothed to 0.75 each.
    assert arrival(rows, 0.6, "val_top1") == Arrival(pytest.approx(12.0), True)  # type: ignore[arg-type]
    assert arrival(rows, 0.75, "val_top1") == Arrival(pytest.approx(15.0), True)  # type: ignore[arg-type]
    assert arrival(rows, 0.5, "val_top1") == Arrival(10, True)
    assert arrival(rows, 0.8, "val_top1") == Arrival(20, False)
    assert arrival(curve([5], [math.nan]), 0.5, "val_top1") is None


def test_of_a_loss_the_curve_falls_to_its_target() -> None:
    rows = pd.DataFrame({"step": [10, 20, 30], "val_loss": [2.0, 1.0, 0.5]})
    assert arrival(rows, 1.5, "val_loss") == Arrival(pytest.approx(15.0), True)  # type: ignore[arg-type]
    assert arrival(rows, 0.4, "val_loss") == Arrival(30, False)


def test_noise_makes_no_arrival_earlier() -> None:
    """The first evaluation above the target comes the earlier the noisier evaluations are; the smoothed curve not."""
    rng = np.random.default_rng(5)
    steps = np.arange(1, 31)
    rising = 0.1 + 0.7 * (1 - np.exp(-steps / 6))
    found: dict[float, list[float]] = {0.01: [], 0.03: []}
    first: dict[float, list[float]] = {0.01: [], 0.03: []}
    for sd, arrived in found.items():
        for _ in range(300):
            noisy = rising + rng.normal(0, sd, 30)
            at = arrival(curve(list(steps), list(noisy)), 0.76, "val_top1")
            assert at is not None
            arrived.append(at.steps)
            first[sd].append(float(steps[np.argmax(noisy >= 0.76)]))
    assert np.mean(found[0.03]) == pytest.approx(np.mean(found[0.01]), abs=0.6)
    assert np.mean(first[0.03]) < np.mean(first[0.01]) - 1


def test_the_arrivals_of_an_arm_know_what_diverged(tmp_path: Path) -> None:
    study = Study(
        name="speeds",
        question="Which is faster?",
        base={"model.name": "lenet5", "data.name": "digits"},
        factors={"model.norm": ["none", "batch"]},
        baseline={"model.norm": "none"},
    )

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.is_baseline and seed:
            return "diverged" if seed == 1 else "missing"
        rows = [{"step": step, "val_top1": step / 100} for step in (20, 40, 60)]
        return {"test_top1": 0.6, "val_top1": 0.6, "curve": rows}

    analysis = synthetic(tmp_path / "speeds", study, truth, seeds=3)
    batch = next(result for result in analysis.arms if not result.arm.is_baseline)
    at_40 = Arrival(pytest.approx(40.0), True)  # type: ignore[arg-type]
    assert arrivals(analysis.baseline, 0.4, "val_top1") == {0: at_40, 1: NEVER}
    assert arrivals(batch, 0.9, "val_top1") == dict.fromkeys(range(3), Arrival(60, False))
