"""Margins against what seeds and test images leave open, before a study runs, and over all studies of the package."""

from pathlib import Path
from typing import Any

import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, alike, more
from litmus.design.answerable import too_narrow, warning
from litmus.design.plan import Arm, expand
from litmus.design.study_files import STUDIES
from litmus.evidence.claims import primary_claims

WITH, WITHOUT = {"model.norm": "batch"}, {"model.norm": "none"}
SHAPES = {"data.name": "shapes", "data.num_classes": 6}
PRESETS = [(name, preset) for name in STUDIES.names() for preset in ("quick", *STUDIES[name].presets)]


def a_study(*claims: Claim, **changes: Any) -> Study:
    settings: dict[str, Any] = {
        "name": "example",
        "base": {"model.name": "lenet5"},
        "factors": {"model.norm": ["none", "batch"]},
        "baseline": WITHOUT,
        "claims": claims,
        "seeds": 5,
    }
    return Study(**{**settings, **changes})


def alike_to(points: float) -> Claim:
    return Claim("They are as accurate.", alike("test_top1", WITH, WITHOUT), threshold=points / 100)


def test_a_margin_that_seeds_and_images_leave_open_is_named_with_what_would_decide_it() -> None:
    plan = expand(a_study(alike_to(2)), settings={**SHAPES, "data.test_images": 2000})
    (found,) = too_narrow(plan)
    assert found.seeds is not None
    assert found.seeds > 5
    assert warning([found]) == (
        f"this run can hardly decide “They are as accurate” (margin 2.00 points; {found.seeds} seeds would)"
    )
    enough, too_few = (
        expand(plan.study, seeds=seeds, settings=plan.settings) for seeds in (found.seeds, found.seeds - 1)
    )
    assert too_narrow(enough) == []
    assert too_narrow(too_few)
    assert too_narrow(expand(a_study(alike_to(8)), settings=plan.settings)) == []


def test_that_something_is_no_worse_has_a_margin_and_a_direction_has_none() -> None:
    no_worse = Claim("No worse.", more("test_top1", WITH, than=WITHOUT), threshold=-0.001)
    better = Claim("Better.", more("test_top1", WITH, than=WITHOUT), threshold=0.001)
    counted = Claim("As large.", alike("parameters", WITH, WITHOUT), threshold=0.001, check=True)
    assert [each.claim for each in too_narrow(expand(a_study(no_worse, better, counted)))] == [no_worse]
    assert "“Better” (it needs 3 seeds or more)" in warning(too_narrow(expand(a_study(better), seeds=2)))
    assert too_narrow(expand(a_study(better), seeds=3)) == []
    rates: dict[str, Any] = {"factors": {"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.2]}}
    choosing = a_study(better, **rates, baseline={**WITHOUT, "optim.lr": 0.1}, seeds=3)
    assert "(it needs 4 seeds or more)" in warning(too_narrow(expand(choosing)))
    assert too_narrow(expand(a_study(no_worse), settings={"data.name": "folder", "data.root": "x"})) == []


@pytest.mark.parametrize(("spread", "decides"), [(0.0002, True), (0.02, False)])
def test_earlier_records_of_the_experiment_say_how_much_it_scatters(
    tmp_path: Path, spread: float, decides: bool
) -> None:
    study = a_study(alike_to(1), seeds=4)

    def truth(arm: Arm, seed: int) -> Truth:
        value = 0.8 + (0.0 if arm.is_baseline else spread * (-1) ** seed)
        return {"test_top1": value, "val_top1": value}

    analysis = synthetic(tmp_path, study, truth, seeds=4)
    assert too_narrow(expand(study))
    assert (too_narrow(expand(study), analysis) == []) is decides


@pytest.mark.parametrize(("name", "preset"), PRESETS)
def test_a_study_can_decide_its_primary_claims_or_says_in_its_limits_that_it_cannot(name: str, preset: str) -> None:
    plan = expand(STUDIES[name], preset=preset)
    primary = primary_claims(plan.study.claims)
    narrow = [each for each in too_narrow(plan) if each.claim in primary]
    assert not narrow or plan.study.limits.get(preset), warning(narrow)


def test_a_margin_below_one_test_image_cannot_be_decided() -> None:
    plan = expand(a_study(alike_to(0.1)), settings={"data.name": "digits"})
    (found,) = too_narrow(plan)
    assert found.seeds is None
    assert found.text.endswith("; more test images would)")
