"""Designs: which combinations of levels are arms, which arm they are held against, and what a fraction confounds."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from litmus.core.errors import UserError
from litmus.design.arms import DESIGNS
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.evidence.factorial import ingredients

KEYS = (
    "model.norm", "optim.lr", "optim.momentum", "optim.weight_decay", "data.augment", "model.dropout", "optim.schedule",
)  # fmt: skip
LEVELS = (["none", "batch"], [0.1, 0.5], [0.0, 0.9], [0.0, 1e-4], ["none", "crop"], [0.0, 0.5], ["constant", "cosine"])
FACTORS = dict(zip(KEYS, LEVELS, strict=True))


def a_study(design: str, factors: dict = FACTORS, **changes: object) -> Study:
    settings: dict = {"name": "example", "base": {"model.name": "lenet5"}, "factors": factors, "design": design}
    return Study(**{**settings, **changes})


def differing(first: dict, second: dict) -> set[str]:
    return {key for key in first if first[key] != second[key]}


def test_one_at_a_time_adds_each_level_to_the_baseline_by_itself() -> None:
    factors = {"model.norm": ["none", "batch", "group"], "optim.lr": [0.1, 0.5]}
    plan = expand(a_study("one_at_a_time", factors, baseline={"model.norm": "batch", "optim.lr": 0.5}))
    assert [arm.label for arm in plan.arms] == ["baseline", "norm none", "norm group", "lr 0.1"]
    assert plan.baseline.levels == {"model.norm": "batch", "optim.lr": 0.5}
    assert [differing(plan.baseline.levels, arm.levels) for arm in plan.arms[1:]] == [
        {"model.norm"},
        {"model.norm"},
        {"optim.lr"},
    ]


def test_leave_one_out_is_held_against_the_full_recipe() -> None:
    plan = expand(a_study("leave_one_out"))
    assert plan.baseline.label == "full recipe"
    assert plan.baseline.levels == {key: levels[1] for key, levels in FACTORS.items()}
    assert len(plan.arms) == 8
    for key, arm in zip(KEYS, plan.arms[1:], strict=True):
        assert differing(plan.baseline.levels, arm.levels) == {key}
        assert arm.levels[key] == FACTORS[key][0]


def test_a_ladder_adds_one_factor_to_the_arm_before() -> None:
    plan = expand(a_study("ladder"))
    assert plan.arms[0].is_baseline
    for key, (before, arm) in zip(KEYS, itertools.pairwise(plan.arms), strict=True):
        assert differing(before.levels, arm.levels) == {key}
    assert plan.arms[-1].levels == {key: levels[1] for key, levels in FACTORS.items()}


def test_seven_main_effects_come_from_eight_arms_and_their_aliases_are_told() -> None:
    plan = expand(a_study("fractional"))
    assert len(plan.arms) == 8
    assert plan.baseline.levels == {key: levels[0] for key, levels in FACTORS.items()}
    found = ingredients(plan.record((), {}))
    assert [each.name for each in found][:2] == ["norm batch", "lr 0.5"]
    for each in found:
        assert len(each.present) == len(each.absent) == 4
        assert len(each.aliases) == 3  # of 15 pairs of the six others, 3 are its own: 7 x 3 = 21 pairs in all
    pairs = {alias.lstrip("−") for each in found for alias in each.aliases}
    assert len(pairs) == 21


def test_resolution_four_frees_main_effects_of_interactions_of_two() -> None:
    plan = expand(a_study("fractional_4"))
    assert len(plan.arms) == 16
    assert all(not each.aliases for each in ingredients(plan.record((), {})))


@given(count=st.integers(3, 12), resolution=st.sampled_from(["fractional", "fractional_4"]))
def test_every_fraction_is_balanced_and_pairwise_orthogonal(count: int, resolution: str) -> None:
    factors = {f"section.key{index}": [0, 1] for index in range(count)}
    try:
        arms = DESIGNS[resolution](factors)
    except UserError as error:
        assert f"{count}" in str(error)  # noqa: PT017
        assert (count, resolution) == (3, "fractional_4")
        return
    rows = list(arms.values())
    for first, second in itertools.combinations(factors, 2):
        cells = [(row[first], row[second]) for row in rows]
        assert {cell: cells.count(cell) for cell in set(cells)} == dict.fromkeys(
            itertools.product((0, 1), (0, 1)), len(rows) // 4
        )


@pytest.mark.parametrize(
    ("design", "changes", "message"),
    [
        ("fractionl", {}, "unknown design of study example 'fractionl'; did you mean 'fractional'"),
        ("ladder", {"factors": {"optim.lr": [0.1, 0.2, 0.3]}}, "design ladder needs two levels of each factor.*has 3"),
        ("fractional", {"factors": {"optim.lr": [0.1, 0.2]}}, "design fractional needs at least 3 factors, got 1"),
        ("ladder", {"arms": {"one": {"model.norm": "none"}}, "baseline": "one"}, "the study names its own"),
        ("ladder", {"baseline": "norm none"}, "design ladder needs the baseline's level of each factor"),
    ],
)
def test_a_design_that_does_not_fit_is_refused(design: str, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand(a_study(design, **changes))
