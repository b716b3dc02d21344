"""What seeds would decide what is inconclusive: that many do, and fewer do not."""

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, more
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.estimate import Sampling, effect_of
from litmus.evidence.power import seeds_needed, seeds_to_decide
from litmus.evidence.summary import MOST, summarise, undecided

STUDY = Study(
    name="norms",
    question="Which norm?",
    base={"model.name": "lenet5", "data.name": "digits"},
    factors={"model.norm": ["none", "batch"]},
    baseline={"model.norm": "none"},
)
NOISE = [0.03, -0.02, 0.01, -0.03, 0.02]


def truth(arm: Arm, seed: int) -> Truth:
    """An effect of one point, beside noise that five seeds do not see it through."""
    base = 0.8 + seed / 50
    value = base + 0.01 + NOISE[seed] if arm.levels["model.norm"] == "batch" else base
    return {"test_top1": value, "val_top1": value}


def test_the_number_is_about_that_of_the_power_analysis() -> None:
    effect = effect_of([0.01 + each for each in NOISE])
    assert seeds_to_decide(effect, 0.01, MOST) == pytest.approx(seeds_needed(effect.sd, 0.01), abs=2)


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(planned=5), Sampling(planned=5, looked=True)])
def test_so_many_seeds_decide_and_one_less_does_not(sampling: Sampling) -> None:
    effect = effect_of([0.01 + each for each in NOISE], image_error=0.002, sampling=sampling)
    found = seeds_to_decide(effect, 0.01, MOST)
    assert found is not None
    for seeds, enough in ((found, True), (found - 1, False)):
        more_seeds = replace(effect, n=seeds)
        assert (more_seeds.half_width(0.05) + 0.8416 * more_seeds.seed_error <= 0.01 + 1e-6) is enough


def test_more_seeds_are_needed_where_beyond_the_plan_intervals_are_wider() -> None:
    values = [0.01 + each for each in NOISE]
    beyond = seeds_to_decide(effect_of(values, sampling=Sampling(planned=5)), 0.01, MOST)
    within = seeds_to_decide(effect_of(values), 0.01, MOST)
    assert beyond is not None
    assert within is not None
    assert beyond > within


def test_no_number_of_seeds_makes_a_test_set_larger() -> None:
    assert seeds_to_decide(effect_of([0.01 + each for each in NOISE], image_error=0.02), 0.01, MOST) is None
    assert seeds_to_decide(effect_of(NOISE), 0.0, MOST) is None


def test_what_is_open_is_told_of_claims_and_without_them_of_arms(tmp_path: Path) -> None:
    synthetic(tmp_path / "norms", STUDY, truth, seeds=5)
    [arm] = undecided(summarise(tmp_path / "norms"))
    assert arm.what == "norm batch"
    claims = [
        Claim("Batch norm helps.", more("test_top1", {"model.norm": "batch"}, than={"model.norm": "none"})),
        Claim("It helps little.", more("test_top1", "norm batch", than="norm none"), threshold=0.5),
    ]
    summary = summarise(tmp_path / "norms", claims)
    assert [finding.verdict for _, finding in summary.findings] == ["inconclusive", "smaller"]
    [claim] = undecided(summary)
    assert claim.what == "Batch norm helps."
    assert claim.seeds is not None
    assert arm.seeds is not None
    assert claim.seeds > arm.seeds > 5  # Holm's correction is over both claims


def test_where_runs_are_missing_seeds_are_no_answer(tmp_path: Path) -> None:
    def holes(arm: Arm, seed: int) -> Truth:
        return "missing" if arm.levels["model.norm"] == "batch" else truth(arm, seed)

    synthetic(tmp_path / "norms", STUDY, holes, seeds=5)
    claim = Claim("Batch norm helps.", more("test_top1", "norm batch", than="norm none"))
    assert undecided(summarise(tmp_path / "norms", [claim])) == []
