"""Steps to a target: of one curve, with runs that never arrive, and as a test of who learns sooner."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from synthetic_records import Truth, synthetic

from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.claims import Claim
from litmus.evidence.learning_curves import Arrival, Smoothed, smoothed, sooner

STUDY = Study(
    name="speeds",
    question="Which is faster?",
    base={"model.name": "lenet5"},
    factors={"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0]},
    baseline={"model.norm": "none", "optim.lr": 0.1},
)
WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
SLOW_RATE, FAST_RATE = {"optim.lr": 0.1}, {"optim.lr": 1.0}


def curve(steps: list[int], values: list[float], metric: str = "val_top1") -> Smoothed:
    found = smoothed(pd.DataFrame({"step": steps, metric: values}), metric)
    assert found is not None
    return found


def near(steps: float) -> Arrival:
    return Arrival(pytest.approx(steps))  # type: ignore[arg-type]


def test_an_arrival_is_where_the_smoothed_curve_passes_the_target() -> None:
    run = curve([5, 10, 15, 20, 30], [math.nan, 0.5, 0.8, 0.7, math.nan])
    # 0.8 and 0.7 fall, and are smoothed to 0.75 each.
    assert run.best == pytest.approx(0.75)
    assert run.arrival(0.6) == near(12.0)
    assert run.arrival(0.75) == near(15.0)
    assert run.arrival(0.5) == Arrival(10, first=True)
    assert run.arrival(0.8) == Arrival(20, reached=False)
    assert smoothed(pd.DataFrame({"step": [5], "val_top1": [math.nan]}), "val_top1") is None
    assert smoothed(None, "val_top1") is None


def test_of_a_loss_the_curve_falls_to_its_target() -> None:
    run = curve([10, 20, 30], [2.0, 1.0, 0.5], "val_loss")
    assert run.best == 0.5
    assert run.arrival(1.5) == near(15.0)
    assert run.arrival(0.4) == Arrival(30, reached=False)


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
            arrived.append(curve(list(steps), list(noisy)).arrival(0.76).steps)
            first[sd].append(float(steps[np.argmax(noisy >= 0.76)]))
    assert np.mean(found[0.03]) == pytest.approx(np.mean(found[0.01]), abs=0.6)
    assert np.mean(first[0.03]) < np.mean(first[0.01]) - 1


def risen(at: float, end: float) -> Truth:
    """Return the records of a run that rises in a line from guessing at step 10 to `end` at step `at`, and stays."""
    rows = [{"step": 10, "val_top1": 0.1}, {"step": at, "val_top1": end}, {"step": 1000, "val_top1": end}]
    return {"val_top1": end, "test_top1": end, "curve": rows}


def by_norm(none: Callable[[int], Truth], batch: Callable[[int], Truth]) -> Callable[[Arm, int], Truth]:
    return lambda arm, seed: (batch if arm.levels["model.norm"] == "batch" else none)(seed)


JITTER = (0, 8, -6, 4, -5)
AT_ONE_RATE: Any = {"of": {**WITH, **SLOW_RATE}, "than": {**WITHOUT, **SLOW_RATE}}


def at_one_rate(**options: Any) -> Any:
    return sooner(AT_ONE_RATE["of"], than=AT_ONE_RATE["than"], **options)


def test_with_share_1_the_target_is_the_best_that_the_other_arm_reaches_in_the_other_seeds(tmp_path: Path) -> None:
    """Ends of 0.80 to 0.84 make targets of 0.825 to 0.815, each the mean of the others; the faster arm ends higher."""
    ends = 0.8 + 0.01 * np.arange(5)
    analysis = synthetic(
        tmp_path, STUDY, by_norm(lambda seed: risen(400, float(ends[seed])), lambda seed: risen(100, 0.9))
    )
    found = at_one_rate(share=1.0)(analysis, 0.0)
    assert found.verdict == "supported", found.evidence
    assert "Steps to 81.50 % to 82.50 % on the validation split (the best that norm none, lr 0.1" in found.evidence
    targets = (ends.sum() - ends) / 4
    # A run that ends below its target counts with all its steps.
    late = np.where(ends < targets - 1e-9, 1000, 10 + 390 * (targets - 0.1) / (ends - 0.1))
    early = 10 + 90 * (targets - 0.1) / 0.8
    assert found.effect.mean == pytest.approx(np.mean(np.log(late / early)))


def test_a_smaller_share_is_a_lower_target(tmp_path: Path) -> None:
    analysis = synthetic(
        tmp_path, STUDY, by_norm(lambda seed: risen(400 + JITTER[seed], 0.8), lambda seed: risen(100, 0.78))
    )
    assert at_one_rate(share=0.9)(analysis, 0.0).verdict == "supported"
    never = at_one_rate(share=1.0)(analysis, 0.0)
    assert never.verdict == "opposite"
    assert "never against 400" in never.evidence


@pytest.mark.parametrize(
    ("none", "batch", "verdict"),
    [
        # None: never. A bound may speak against itself, not for itself.
        ((400, 390, 410, 402, 400), (100, 110, 90, 105, 95), "supported"),
        ((400, None, 410, 402, 400), (100, 110, 90, 105, 95), "supported"),
        ((999, 990, 999, 995, 999), (100, None, 90, 105, 95), "inconclusive"),
        ((100, 110, 90, 105, 95), (400, 390, 410, 402, 400), "opposite"),
        ((100, 110, 90, None, 95), (400, 390, 410, 402, 400), "inconclusive"),
        ((100, 110, 90, 105, 95), (900, 890, None, 902, None), "opposite"),
        # At the first evaluation: it may have been there long before.
        ((400, 390, 410, 402, 400), (10, 10, 10, 10, 10), "supported"),
        ((10, 10, 10, 10, 10), (10, 10, 10, 10, 10), "inconclusive"),
        ((10, 10, 10, 10, 10), (400, 390, 410, 402, 400), "opposite"),
    ],
)
def test_no_verdict_rests_on_a_bound_in_its_favour(
    tmp_path: Path, none: tuple[int | None, ...], batch: tuple[int | None, ...], verdict: str
) -> None:
    def at(steps: int | None) -> Truth:
        return risen(1000, 0.4) if steps is None else risen(steps, 0.8)

    analysis = synthetic(tmp_path, STUDY, by_norm(lambda seed: at(none[seed]), lambda seed: at(batch[seed])))
    found = at_one_rate(to=0.6)(analysis, 0.0)
    assert found.verdict == verdict, found.evidence
    if 10 in batch:
        assert "at most 10 against" in found.evidence


def test_a_bound_proves_no_effect_smaller(tmp_path: Path) -> None:
    """At most twice as fast by what was seen; the other arm was not seen to arrive at all."""
    analysis = synthetic(
        tmp_path, STUDY, by_norm(lambda seed: risen(1000, 0.4), lambda seed: risen(800 + JITTER[seed], 0.8))
    )
    found = at_one_rate(to=0.6)(analysis, 3.0)
    assert (found.verdict, found.withheld) == ("inconclusive", "only a bound"), found.evidence


def test_a_side_is_represented_by_its_most_accurate_or_by_its_fastest_arm_of_the_seeds_before(tmp_path: Path) -> None:
    """Each norm is more accurate at the low rate and faster at the high one; without norm it is a trap for accuracy."""

    def truth(arm: Arm, seed: int) -> Truth:
        fast, batch = arm.levels["optim.lr"] == 1.0, arm.levels["model.norm"] == "batch"
        at = {(True, True): 60, (False, True): 500, (True, False): 120, (False, False): 250}[fast, batch]
        return risen(at + JITTER[seed], (0.9 if batch else 0.8) - 0.005 * fast)

    analysis = synthetic(tmp_path, STUDY, truth)
    accurate, fast = (sooner(WITH, than=WITHOUT, choose=choose)(analysis, 0.0) for choose in ("accuracy", "speed"))  # type: ignore[arg-type]
    assert accurate.verdict == "opposite"
    assert fast.verdict == "supported"
    assert "norm batch, lr 1.0 against norm none, lr 1.0" in fast.evidence
    assert fast.effect.n == 4, "the first seed only chooses"
    # The target stays the best that the other side reaches at its most accurate rate.
    assert "to the best that norm none, lr 0.1 reaches" in fast.evidence


def test_a_run_that_diverged_before_the_target_never_arrives(tmp_path: Path) -> None:
    def batch(seed: int) -> Truth:
        return "diverged" if seed == 1 else "missing" if seed == 2 else risen(100 + JITTER[seed], 0.8)

    analysis = synthetic(tmp_path, STUDY, by_norm(lambda seed: risen(400 + JITTER[seed], 0.8), batch))
    found = at_one_rate(to=0.6)(analysis, 0.0)
    assert "never against 294" in found.evidence
    assert found.effect.n == 4
    assert found.withheld == "runs missing"


@pytest.mark.parametrize(("options", "said"), [({"share": 1.2}, "share must be"), ({"choose": "sped"}, "speed")])
def test_a_mistake_is_named(options: Any, said: str) -> None:
    with pytest.raises(UserError, match=said):
        sooner(WITH, than=WITHOUT, **options)


def test_another_target_is_another_claim() -> None:
    keys = [Claim("Faster.", at_one_rate(**options)).key for options in ({}, {"share": 1.0}, {"choose": "speed"})]
    assert len({str(key) for key in keys}) == 3
