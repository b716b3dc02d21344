"""Promises 1 and 9: arms differ in the declared factors and nowhere else; speed settings are study-wide."""

import pytest
from torch import nn

from litmus import Claim, alike, exceeds, higher_limit, more
from litmus.core.errors import UserError
from litmus.design.plan import expand
from litmus.design.study import Study
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import Test
from litmus.lit_archs import register


def a_study(**changes: object) -> Study:
    settings: dict = {
        "name": "example",
        "question": "Does it?",
        "base": {"model.name": "lenet5"},
        "factors": {"model.norm": ["none", "batch"], "optim.lr": [0.01, 0.1]},
        "baseline": {"model.norm": "none", "optim.lr": 0.1},
        **changes,
    }
    return Study(**settings)


def differing_keys(first: dict, second: dict) -> set[str]:
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


def test_arms_are_all_combinations_and_differ_in_the_factors_alone() -> None:
    plan = expand(a_study(), seeds=2)
    assert [arm.label for arm in plan.arms] == [
        "norm none, lr 0.01",
        "norm none, lr 0.1",
        "norm batch, lr 0.01",
        "norm batch, lr 0.1",
    ]
    assert plan.baseline.label == "norm none, lr 0.1"
    assert len(plan.runs()) == 8
    for arm in plan.arms:
        assert differing_keys(plan.baseline.config.flat(), arm.config.flat()) <= {"model.norm", "optim.lr"}


PRESETS = [(name, preset) for name in STUDIES.names() for preset in ("quick", *STUDIES[name].presets)]


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_every_registered_study_is_controlled_in_every_preset(name: str, preset: str) -> None:
    assert "paper" in STUDIES[name].presets, 'a study of the package has presets={"paper": {...}}'
    plan = expand(STUDIES[name], preset=preset)
    assert set().union(*(arm.levels for arm in plan.arms)) == set(plan.study.factors)
    assert plan.study.claims
    assert sum(arm.is_baseline for arm in plan.arms) == 1
    assert len(plan.seeds) >= 3


def test_a_preset_may_be_a_study_of_its_own_under_the_same_name() -> None:
    claim = Claim("Wider is better.", more("test_top1", "wide", than="narrow"))
    arms = {"narrow": {"model.width": 1.0}, "wide": {"model.width": 2.0}}
    other = Study(base={"data.name": "shapes"}, factors=["model.width"], arms=arms, baseline="wide", claims=[claim])
    study = a_study(source="a paper", protocol="As ever.", presets={"paper": {"trainer.epochs": 3}, "large": other})
    plan = expand(study, preset="large", seeds=2)
    assert [arm.label for arm in plan.arms] == ["narrow", "wide"]
    assert plan.baseline.label == "wide"
    assert plan.baseline.config.data.name == "shapes"
    assert (plan.study.name, plan.study.question, plan.study.source) == ("example", "Does it?", "a paper")
    assert plan.study.protocol == "As ever."
    assert plan.study.claims == [claim]
    assert expand(study.at("large"), preset="large").arms == expand(study, preset="large").arms
    assert len(expand(study, preset="paper").arms) == 4
    with pytest.raises(UserError, match=r"did you mean 'large'"):
        expand(study.at("large"), preset="larg")


def test_an_arm_that_changes_more_than_the_factors_is_refused_with_the_keys() -> None:
    study = a_study(
        factors={"model.norm": ["none", "batch"]},
        arms={"none": {"model.norm": "none"}, "batch": {"model.norm": "batch", "optim.lr": 0.5, "trainer.epochs": 3}},
        baseline="none",
    )
    with pytest.raises(UserError, match=r"not controlled: arm 'batch' differs .* in optim.lr, trainer.epochs"):
        expand(study)


@pytest.mark.parametrize(("key", "level"), [("trainer.precision", "tf32"), ("trainer.keep", "last")])
def test_a_speed_setting_or_a_place_is_no_factor(key: str, level: str) -> None:
    with pytest.raises(UserError, match=f"{key} cannot be a factor"):
        expand(a_study(factors={key: ["32-true" if key == "trainer.precision" else "none", level]}, baseline={}))


def test_architectures_as_levels_may_have_different_options() -> None:
    names = ["lenet5", "mlp", "resnet20", "plain20"]
    plan = expand(a_study(base={"model.norm": "batch"}, factors={"model.name": names}, baseline={}))
    assert [(arm.config.model["name"], arm.config.model["norm"]) for arm in plan.arms] == [(n, "batch") for n in names]


def test_a_network_of_ones_own_may_be_held_against_the_packages_and_starts_in_its_own_way() -> None:
    register("held_against_lenet", lambda num_classes: nn.Linear(64, num_classes))
    study = a_study(base={}, factors={"model.name": ["lenet5", "held_against_lenet"]}, baseline={})
    ours, theirs = (arm.config.init.scheme for arm in expand(study).arms)
    assert (ours, theirs) == ("kaiming_normal", "own")
    arms = {"a": {"model.name": "lenet5"}, "b": {"model.name": "vgg11", "init.scheme": "normal"}}
    with pytest.raises(UserError, match=r"differs from the baseline 'a' in init\.scheme"):
        expand(a_study(base={}, factors=["model.name"], baseline="a", arms=arms))


def test_options_of_the_base_do_not_pass_to_another_architecture() -> None:
    study = a_study(
        base={"model.name": "resnet_cifar", "model.width": 8, "model.depth": 8},
        for_data={"mnist": {"model.name": "lenet5"}},
    )
    assert expand(study).baseline.config.model["width"] == 8
    assert expand(study, settings={"data.name": "mnist"}).baseline.config.model["width"] == 1.0
    named = expand(study, settings={"model.name": "lenet5", "model.width": 2.0})
    assert named.baseline.config.model["width"] == 2.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"preset": "papr"}, "did you mean 'paper'"),
        ({"seeds": 0}, "seeds must be greater than 0"),
        ({"settings": {"optim.lr": 1.0}}, "optim.lr is a factor of example"),
        ({"vary": {"optim.momentum": [0.0]}}, "unknown factor of example 'optim.momentum'"),
        ({"vary": {"optim.lr": [0.1, 0.1]}}, "same level twice"),
        ({"settings": {"optim.momentun": 0.5}}, r"did you mean 'optim\.momentum'"),
    ],
)
def test_bad_input_is_told_in_one_line(arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        expand(a_study(presets={"paper": {}}), **arguments)
    assert "\n" not in str(caught.value)


def test_varied_levels_replace_the_studys_but_not_those_of_named_arms() -> None:
    plan = expand(a_study(), vary={"optim.lr": [0.5, 1.0]})
    assert {arm.levels["optim.lr"] for arm in plan.arms} == {0.5, 1.0}
    assert plan.baseline.label == "norm none, lr 0.5"
    arms = {"one, small": {"optim.lr": 0.1}, "two": {"optim.lr": 0.2}}
    named = Study("named", "?", {"model.name": "lenet5"}, ("optim.lr",), "two", arms)
    assert [arm.label for arm in expand(named).arms] == list(arms)
    with pytest.raises(UserError, match=r"--vary optim.lr: the arms of named are fixed: one, small; two"):
        expand(named, vary={"optim.lr": [0.3]})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseline": {"optim.lr": "0.01"}}, "no arm has optim.lr '0.01'; did you mean 0.01? valid: 0.01, 0.1"),
        ({"baseline": {"optim.lr": 0.3}}, "no arm has optim.lr 0.3; did you mean 0.1? valid: 0.01, 0.1"),
        ({"baseline": {"optim.l": 0.1}}, "unknown factor 'optim.l'; did you mean 'optim.lr'? valid: "),
        ({"baseline": "norm batch"}, "unknown arm 'norm batch'; did you mean 'norm batch, lr 0.01'? valid: "),
        ({"baseline": {"model.norm": "btch"}, "design": "ladder"}, "no arm has model.norm 'btch'; did you mean 'bat"),
        ({"baseline": {"model.norm": "none"}, "arms": {"a": {"model.norm": "batch"}}}, "no arm has model.norm 'none'"),
    ],
)
def test_a_baseline_that_is_no_arm_is_refused(changes: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        expand(a_study(**changes))
    assert str(caught.value).startswith(f"study example, baseline: {message}")


def test_named_arms_may_have_their_baseline_by_its_levels() -> None:
    arms = {"a": {"model.norm": "batch"}, "b": {"model.norm": "none"}}
    assert expand(a_study(arms=arms, factors=["model.norm"], baseline={"model.norm": "none"})).baseline.label == "b"


def test_options_of_the_study_that_a_dataset_of_the_user_does_not_take_over_are_named() -> None:
    def notes(study: str, preset: str = "quick", **settings: str) -> tuple[str, ...]:
        return expand(STUDIES[study], preset=preset, settings=settings).notes

    folder = {"data.name": "folder", "data.root": "anywhere"}
    line = "--data folder drops options that the study sets: data.image_size is null and not 16"
    assert notes("residual_depth", "cifar16", **folder) == (line,)
    assert notes("residual_depth", "cifar16", **folder, **{"data.image_size": "16"}) == ()
    assert notes("residual_depth", **folder) == ()
    assert notes("batch_norm", **{"data.name": "mnist"}) == ()
    (line,) = notes("batch_size", **{"model.name": "resnet20"})
    assert line.startswith("--model resnet20 drops options that the study sets: model.depth is 20 and not 8, ")


@pytest.mark.parametrize("design", ["full", "one_at_a_time"])
def test_a_baseline_level_that_is_left_out_gives_its_place_to_the_first_and_the_user_a_line(design: str) -> None:
    plan = expand(a_study(design=design), vary={"optim.lr": [0.5, 1.0]})
    assert plan.baseline.levels == {"model.norm": "none", "optim.lr": 0.5}
    assert plan.notes == ("--vary optim.lr leaves out the baseline's level 0.1; its place takes 0.5",)
    assert expand(a_study(design=design), vary={"optim.lr": [0.5, 0.1]}).notes == ()
    as_text = expand(a_study(design=design), vary={"optim.lr": ["0.5", "1e-1"]})
    assert (as_text.baseline.levels["optim.lr"], as_text.notes) == (0.1, ())
    with pytest.raises(UserError, match=r"^vary optim\.lr: expected a list of levels, got '0\.5,0\.1'$"):
        expand(a_study(design=design), vary={"optim.lr": "0.5,0.1"})


@pytest.mark.parametrize(
    "changes",
    [
        {"factors": {"optim.lr": [0.1, "1e-1"]}, "baseline": {}},
        {"factors": {"model.residual": ["true", True]}, "base": {"model.name": "resnet20"}, "baseline": {}},
        {"factors": {"model.name": ["resnet20", "ResNet20"]}, "base": {}, "baseline": {}},
        {"arms": {"a": {"optim.lr": 0.1}, "b": {}}, "factors": ["optim.lr"], "baseline": "a"},
        {"tune": {"optim.momentum": [0.5, "0.50"]}},
    ],
)
def test_levels_that_are_one_experiment_are_refused(changes: dict) -> None:
    with pytest.raises(UserError, match="have the same config"):
        expand(a_study(**changes))


def test_names_may_be_of_any_case() -> None:
    settings = {"model.name": "ResNet20", "data.name": "Digits", "optim.name": "AdamW"}
    plan = expand(a_study(factors={"model.norm": ["None", "Batch"]}, base={}, baseline={}), settings=settings)
    config = plan.baseline.config
    assert (config.model["name"], config.data.name, config.optim.name) == ("resnet20", "digits", "adamw")
    assert config.model["norm"] == "none"
    assert plan.settings["model.name"] == "resnet20"


WITH = {"model.norm": "batch"}


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (more("test_acc", WITH, than={"model.norm": "none"}), "unknown metric 'test_acc'; did you mean 'test_"),
        (
            more("test_top1", {"model.norm": "btch"}, than=WITH),
            "no arm has model.norm 'btch'; did you mean 'batch'",
        ),
        (
            more("test_top1", WITH, than={"optim.lr": 0.5}),
            "has optim.lr 0[.]5; did you mean 0[.]1",
        ),
        (more("test_top1", WITH, than={"model.nrm": "none"}), "unknown factor 'model.nrm'; did you mean 'model.norm'"),
        (exceeds("test_top1", "norm batch, lr 0.2"), "unknown arm 'norm batch, lr 0.2'; did you mean"),
        (higher_limit("optim.rate", WITH, than={"model.norm": "none"}), "unknown factor 'optim.rate'"),
    ],
)
def test_a_claim_about_what_there_is_not_is_refused_before_anything_runs(test: Test, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        expand(a_study(claims=[Claim("It does.", test)]))
    assert str(caught.value).startswith("study example, claim 'It does.': ")


def test_a_claim_of_equivalence_needs_a_margin() -> None:
    same = alike("test_top1", WITH, {"model.norm": "none"})
    with pytest.raises(UserError, match=r"claim 'Alike\.': threshold must be greater than 0, got 0"):
        expand(a_study(claims=[Claim("Alike.", same)]))
    assert expand(a_study(claims=[Claim("Alike.", same, threshold=0.01)])).arms


def test_a_claim_about_arms_that_no_name_joins_is_refused() -> None:
    arms = {"plain": {}, "batch": {"model.norm": "batch"}, "fast": {"optim.lr": 0.5}}
    both = more("test_top1", {"model.norm": "batch", "optim.lr": 0.5}, than="plain")
    with pytest.raises(UserError, match=r"no arm has model.norm batch, optim.lr 0\.5 together"):
        expand(a_study(arms=arms, baseline="plain", claims=[Claim("It does.", both)]))


def test_a_claim_may_speak_of_levels_that_the_user_leaves_out_and_of_measures_of_its_own() -> None:
    claim = Claim("It does.", more(lambda result, seed: 1.0, WITH, than={"model.norm": "none", "optim.lr": 0.1}))
    assert len(expand(a_study(claims=[claim]), vary={"optim.lr": [0.01]}).arms) == 2


def test_seeds_take_the_splits_in_turn_and_all_arms_of_a_seed_the_same() -> None:
    plan = expand(a_study(), seeds=4, splits=2, settings={"data.split_seed": 7})
    splits = {(arm.label, seed): plan.config(arm, seed).data.split_seed for arm, seed in plan.runs()}
    assert {split for (_, seed), split in splits.items() if seed % 2} == {8}
    assert {split for (_, seed), split in splits.items() if not seed % 2} == {7}
    with pytest.raises(
        UserError, match="--splits 3: 4 seeds cannot be divided evenly among them; give a divisor of 4, or 4 or more"
    ):
        expand(a_study(), seeds=4, splits=3)
