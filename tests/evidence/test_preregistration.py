"""What was planned before the first run, and what changed after it, from the history that a study's folder keeps."""

from dataclasses import replace
from pathlib import Path

import pytest

from litmus import Claim, Study, exceeds, more
from litmus.design.plan import Plan, expand
from litmus.evidence.preregistration import Registration, registration
from litmus.launch.conduct import append_to_plan_history
from litmus.records.study_record import PLAN_FILE as FILE
from litmus.records.study_record import read_plans
from litmus.report.controls import plan_text
from litmus.report.methods import deviations

BATCH, NONE = {"model.norm": "batch"}, {"model.norm": "none"}
BETTER = Claim("It is better.", more("test_top1", BATCH, than=NONE))
STUDY = Study(
    name="example",
    base={"model.name": "lenet5"},
    factors={"model.norm": ["none", "batch", "group"]},
    baseline=NONE,
    seeds=5,
    claims=[BETTER],
)


def planned(directory: Path, plan: Plan, looked: bool = False) -> Registration:
    """Return how `plan` compares with the first one, once it is written down too."""
    directory.mkdir(parents=True, exist_ok=True)
    append_to_plan_history(plan, directory, (), ["data"], looked)
    runs = {arm.label: dict.fromkeys(plan.seeds_of(arm.label), "0") for arm in plan.arms}
    record = plan.record(())
    arms = tuple(replace(arm, runs=runs[arm.label]) for arm in record.arms)
    return registration(directory, replace(record, arms=arms))


def test_the_same_plan_is_written_once_and_nothing_deviates_from_it(tmp_path: Path) -> None:
    plan = expand(STUDY)
    planned(tmp_path, plan)
    found = planned(tmp_path, plan)
    assert len((tmp_path / FILE).read_text().splitlines()) == 1
    assert found.plan is not None
    assert (len(found.plan.seeds), found.looked, found.arms_added) == (5, False, ())
    assert not found.is_exploratory(BETTER.key)
    assert deviations(found, STUDY.claims, 5) == []
    assert plan_text(found, STUDY.claims).startswith("3 arms × 5 seeds, 1 claim; written 20")


@pytest.mark.parametrize(
    "later",
    [
        Claim("It is better.", more("test_top1", BATCH, than=NONE), threshold=0.01),
        Claim("It is better.", more("val_top1", BATCH, than=NONE)),
        Claim("It is better.", more("test_top1", NONE, than=BATCH)),
        Claim("It is good.", exceeds("test_top1", BATCH)),
    ],
)
def test_a_claim_that_is_new_or_was_changed_is_exploratory(later: Claim, tmp_path: Path) -> None:
    planned(tmp_path, expand(STUDY))
    changed = replace(STUDY, claims=[later])
    found = planned(tmp_path, expand(changed))
    assert found.is_exploratory(later.key)
    assert found.changes == 1
    text = " ".join(deviations(found, changed.claims, 5))
    assert "Exploratory, not planned before the first run" in text
    assert ("no longer claimed: It is better" in text) == (later.sentence == "It is good.")


def test_an_arm_that_came_later_makes_what_is_claimed_of_it_exploratory(tmp_path: Path) -> None:
    planned(tmp_path, expand(replace(STUDY, claims=()), vary={"model.norm": ["none", "batch"]}))
    of_group = Claim("It is better.", more("test_top1", {"model.norm": "group"}, than=NONE))
    found = planned(tmp_path, expand(replace(STUDY, claims=[of_group])))
    assert found.arms_added == ("norm group",)
    assert found.is_exploratory(of_group.key)


def test_more_seeds_than_planned_fewer_and_looks_are_deviations(tmp_path: Path) -> None:
    planned(tmp_path, expand(STUDY))
    more_seeds = planned(tmp_path, expand(STUDY, seeds=8))
    assert not more_seeds.looked
    assert deviations(more_seeds, STUDY.claims, 8)[0].startswith("8 seeds, 5 were planned")
    assert planned(tmp_path, expand(STUDY, seeds=3)).looked
    assert not planned(tmp_path, expand(STUDY)).looked
    decided = planned(tmp_path, expand(STUDY, seeds=3).with_more(["norm batch"], 1), looked=True)
    assert decided.looked
    assert [plan.seeds for plan in read_plans(tmp_path)][-1] == (0, 1, 2, 3, 4)


def test_fresh_seeds_another_preset_and_other_settings_are_experiments_of_their_own(tmp_path: Path) -> None:
    planned(tmp_path, expand(STUDY))
    changed = replace(STUDY, claims=[Claim("It is good.", exceeds("test_top1", BATCH))])
    for plan in (expand(changed, first_seed=5), expand(changed, settings={"trainer.epochs": 3})):
        found = planned(tmp_path, plan)
        assert not found.is_exploratory(changed.claims[0].key)
        assert found.changes == 0
    assert expand(changed, seeds=2, first_seed=5).seeds == (5, 6)


def test_a_folder_without_a_readable_plan_has_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{broken\n")
    found = registration(tmp_path, expand(STUDY).record(()))
    assert found == Registration()
    assert not found.is_exploratory(BETTER.key)
    assert deviations(found, STUDY.claims, 5) == []
