"""Designs: which combinations of levels are arms, and which arm they are held against."""

import itertools

import pytest

from litmus.core.errors import UserError
from litmus.design.plan import expand
from litmus.design.study import Study

FACTORS = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5], "data.augment": ["none", "crop"]}
RECIPE = {key: levels[1] for key, levels in FACTORS.items()}


def a_study(design: str, factors: dict = FACTORS, **changes: object) -> Study:
    settings: dict = {"name": "example", "base": {"model.name": "lenet5"}, "factors": factors, "design": design}
    return Study(**{**settings, **changes})


def differing(first: dict, second: dict) -> set[str]:
    return {key for key in first if first[key] != second[key]}


def test_one_at_a_time_adds_each_level_to_the_baseline_by_itself() -> None:
    factors = {"model.norm": ["none", "batch", "group"], "optim.lr": [0.1, 0.5]}
    plan = expand(a_study("one_at_a_time", factors, baseline={"model.norm": "batch", "optim.lr": 0.5}))
    assert [arm.label for arm in plan.arms] == ["baseline", "norm none", "norm group", "lr 0.1"]
    changed = [differing(plan.baseline.levels, arm.levels) for arm in plan.arms]
    assert changed == [set(), {"model.norm"}, {"model.norm"}, {"optim.lr"}]


def test_leave_one_out_and_a_ladder_change_one_factor_at_a_step() -> None:
    without, ladder = expand(a_study("leave_one_out")), expand(a_study("ladder"))
    assert (without.baseline.label, without.arms[0].levels) == ("full recipe", RECIPE)
    assert [differing(RECIPE, arm.levels) for arm in without.arms[1:]] == [{key} for key in FACTORS]
    steps = [differing(before.levels, arm.levels) for before, arm in itertools.pairwise(ladder.arms)]
    assert steps == [{key} for key in FACTORS]
    assert ladder.arms[0].is_baseline
    assert ladder.arms[-1].levels == RECIPE


@pytest.mark.parametrize(
    ("design", "labels"),
    [
        ("full", ["plain, lr 0.1", "plain, lr 0.5", "normed, lr 0.1", "normed, lr 0.5"]),
        ("one_at_a_time", ["baseline", "normed", "lr 0.5"]),
        ("leave_one_out", ["full recipe", "full recipe, plain", "full recipe, lr 0.1"]),
        ("ladder", ["baseline", "+ normed", "+ lr 0.5"]),
    ],
)
def test_names_of_levels_are_labels_and_change_no_run(design: str, labels: list[str]) -> None:
    levels, factors = ["none", "batch"], {"optim.lr": [0.1, 0.5]}
    named = expand(a_study(design, {"model.norm": {"plain": "none", "normed": "batch"}, **factors}))
    unnamed = expand(a_study(design, {"model.norm": levels, **factors}))
    assert [arm.label for arm in named.arms] == labels
    assert [arm.config for arm in named.arms] == [arm.config for arm in unnamed.arms]
    assert named.experiment == unnamed.experiment
    varied = expand(named.study, vary={"model.norm": ["none", "group"]} if design == "full" else {})
    assert [arm.label for arm in varied.arms][-1] == ("norm group, lr 0.5" if design == "full" else labels[-1])


@pytest.mark.parametrize(
    ("design", "changes", "message"),
    [
        ("laddr", {}, "unknown design of study example 'laddr'; did you mean 'ladder'"),
        ("ladder", {"factors": {"optim.lr": [0.1, 0.2, 0.3]}}, "design ladder needs two levels of each factor.*has 3"),
        ("ladder", {"arms": {"one": {"model.norm": "none"}}, "baseline": "one"}, "the study names its own"),
        (
            "full",
            {"factors": {"model.norm": {"a": "none", 1: "batch"}}},
            r"a key of factors\['model.norm'\]: expected text",
        ),
        (
            "full",
            {"factors": {"model.norm": {"a": "none"}, "optim.lr": {"a": 0.1}}},
            "model.norm and optim.lr both name a level 'a'",
        ),
        ("ladder", {"baseline": "norm none"}, "design ladder needs the baseline's level of each factor"),
    ],
)
def test_a_design_that_does_not_fit_is_refused(design: str, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        expand(a_study(design, **changes))
