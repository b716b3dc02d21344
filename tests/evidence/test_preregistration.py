"""What was planned before the first run, and what changed after it, from the history that a study's folder keeps."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import write_run

from litmus import Claim, Study, exceeds, more
from litmus.design.plan import Plan, expand
from litmus.evidence.estimate import ALPHA, AS_PLANNED, Sampling
from litmus.evidence.preregistration import Registration, registration
from litmus.evidence.results import analyse
from litmus.evidence.summary import arm_statistics
from litmus.launch.history import append_to_history, lines_about_history
from litmus.records.frames import load
from litmus.records.study_record import PLAN_FILE as FILE
from litmus.records.study_record import hash_of, read_plans, write_study_record
from litmus.report.controls import plan_checked, plan_text
from litmus.report.methods import deviations
from litmus.training.run import Run

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
    append_to_history(plan, directory, (), plan.record((), data=("data",)), looked)
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


def test_new_labels_change_neither_the_plan_nor_whose_a_run_is(tmp_path: Path) -> None:
    planned(tmp_path, plan := expand(replace(STUDY, seeds=1)))
    runs = [
        Run(f"{index:012x}", "", arm.label, arm.levels, arm.config, tmp_path)
        for index, (arm, _) in enumerate(plan.runs())
    ]
    for run in runs:
        write_run(replace(run, directory=tmp_path / run.run_id), {"test_top1": 0.5})
    renamed = expand(
        replace(STUDY, seeds=1, factors={"model.norm": {"plain": "none", "normed": "batch", "grouped": "group"}})
    )
    found = planned(tmp_path, renamed)
    assert (found.changes, found.arms_added) == (0, ())
    runs = [replace(run, arm=arm.label) for run, arm in zip(runs, renamed.arms, strict=True)]
    write_study_record(tmp_path, renamed.record(runs))
    assert list(load(tmp_path)["arm"]) == ["plain", "normed", "grouped"]


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


def ran(out: Path, study: Study = STUDY, data: str = "f", state: str = "finished", **asked: Any) -> Registration:
    """Plan a study in its folder of `out`, write records as its runs would leave them, and return the registration."""
    plan = expand(study, **asked)
    directory = plan.directory(out)
    directory.mkdir(parents=True, exist_ok=True)
    runs = [
        Run(hash_of(config.as_dict()), plan.name, arm.label, arm.levels, config, directory / hash_of(config.as_dict()))
        for arm, seed in plan.runs()
        for config in [plan.config(arm, seed)]
    ]
    record = plan.record(runs, data=(data,))
    append_to_history(plan, directory, runs, record, looked=False)
    found = registration(directory, record)
    write_study_record(directory, record)
    for run in runs:
        if state == "finished" and not run.directory.exists():
            factor = {"none": 1, "batch": 2, "group": 3}[run.levels["model.norm"]]
            value = 0.5 + 0.01 * factor * (factor * (run.config.seed + 1) % 5)
            write_run(run, {"test_top1": value, "data": {"fingerprint": data}})
    return found


LONGER = replace(STUDY, base={**STUDY.base, "trainer.epochs": 20})
OTHER_CLAIM = replace(STUDY, claims=[Claim("It is good.", exceeds("test_top1", BATCH))])


@pytest.mark.parametrize(
    ("first", "then", "stated"),
    [
        ({}, {}, "beforehand"),
        ({}, {"seeds": 7}, "beforehand"),
        ({}, {"settings": {"trainer.epochs": 20}}, "after"),
        ({}, {"vary": {"model.norm": ["none", "batch"]}}, "after"),
        ({}, {"study": LONGER}, "after"),
        ({}, {"first_seed": 5}, "confirmed"),
        ({}, {"first_seed": 5, "seeds": 9}, "confirmed"),
        ({}, {"first_seed": 4}, "after"),
        ({}, {"first_seed": 5, "settings": {"trainer.epochs": 20}}, "after"),
        ({}, {"first_seed": 5, "study": OTHER_CLAIM}, "after"),
        ({"data": "other"}, {"settings": {"trainer.epochs": 20}}, "beforehand"),
        ({"state": "planned"}, {"settings": {"trainer.epochs": 20}}, "beforehand"),
        ({"study": replace(STUDY, name="another")}, {"settings": {"trainer.epochs": 20}}, "beforehand"),
    ],
)
def test_claims_are_stated_after_every_look_at_the_same_test_images(
    first: dict, then: dict, stated: str, tmp_path: Path
) -> None:
    ran(tmp_path, **first)
    found = ran(tmp_path, **then)
    claims = then.get("study", STUDY).claims
    assert found.is_exploratory(claims[0].key) == (stated == "after")
    text = " ".join(deviations(found, claims, 5))
    assert ("stated after results on the same test images, of example" in text) == (stated == "after")
    assert ("A confirmation of example: " in text) == (stated == "confirmed")
    assert plan_checked(found).startswith("no" if stated == "after" else "yes")


def test_a_look_is_named_with_its_runs_and_a_confirmation_of_what_was_seen_stays_possible(tmp_path: Path) -> None:
    ran(tmp_path)
    found = ran(tmp_path, LONGER)
    assert re.fullmatch(r"example, trainer.epochs=10 \(15 runs, 1970-01-01\)", found.earlier_in_words())
    plan = expand(LONGER)
    [line] = lines_about_history(plan, tmp_path / "example", plan.record(()), False)
    assert line.endswith("--first-seed 5 tests them on fresh seeds")
    confirmation = ran(tmp_path, LONGER, first_seed=5)
    assert confirmation.plan is not None
    assert confirmation.plan.confirms == "example"
    assert len(confirmation.plan.earlier) == 2
    # A second try on fresh seeds is one too, and names the first.
    assert "example+first_seed=5 (15 runs" in ran(tmp_path, LONGER, first_seed=10).earlier_in_words()
    # What was planned first stays what was planned first.
    assert ran(tmp_path, LONGER, seeds=6).came_after
    assert not ran(tmp_path, seeds=6).came_after


def test_seeds_beyond_the_plan_are_announced_with_the_intervals_to_expect(tmp_path: Path) -> None:
    ran(tmp_path)
    plan = expand(STUDY, seeds=7)
    append_to_history(plan, tmp_path / "example", (), plan.record((), data=("f",)), looked=False)
    wider, fresh = lines_about_history(plan, tmp_path / "example", plan.record(()), False)
    assert wider.startswith("5 seeds were planned. With 7, intervals ")
    assert fresh.startswith("with 5 fresh seeds (--first-seed 5 in place of --seeds 7)")
    for line, sampling, n in ((wider, Sampling(5), 7), (fresh, AS_PLANNED, 5)):
        compared = [each.comparison for each in arm_statistics(analyse(tmp_path / "example"), "test_top1")]
        effects = [each.difference for each in compared if each is not None]
        halves = sorted(100 * replace(each, n=n, sampling=sampling).half_width(ALPHA) for each in effects)
        assert line.endswith(f": about ±{halves[0]:.2f} to ±{halves[1]:.2f} points"), line
    assert lines_about_history(expand(STUDY), tmp_path / "example", plan.record(()), False) == []


def test_a_folder_without_a_readable_plan_has_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{broken\n")
    found = registration(tmp_path, expand(STUDY).record(()))
    assert found == Registration()
    assert not found.is_exploratory(BETTER.key)
    assert deviations(found, STUDY.claims, 5) == []
