"""Designs: which combinations of levels are arms, and which arm they are held against."""

import itertools

import pytest

from litmus.core.errors import UserError
from litmus.design.plan import expand
from litmus.design.study import Study

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


@pytest.mark.parametrize(
    ("design", "changes", "message"),
    [
        ("laddr", {}, "unknown design of study example 'laddr'; did you mean 'ladder'"),
        ("ladder", {"factors": {"optim.lr": [0.1, 0.2, 0.3]}}, "design ladder needs two levels of each factor.*has 3"),
        ("ladder", {"arms": {"one": {"model.norm": "none"}}, "baseline": "one"}, "the study names its own"),
        ("ladder", {"baseline": "norm none"}, "design ladder needs the baseline's level of each factor"),
    ],
)
def test_a_design_that_does_not_fit_is_refused(design: str, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand(a_study(design, **changes))
