"""The tables: common seeds, what trains, p with all else equal, errors where seeds share a split; and the runs."""

from pathlib import Path
from typing import Any

import pytest
from scipy import stats
from synthetic_records import Truth, synthetic

from litmus import Claim, more
from litmus.core.formatting import duration
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.differences import difference
from litmus.evidence.estimate import Estimate
from litmus.evidence.summary import arm_statistics, summarise
from litmus.evidence.units import POINTS, unit_of
from litmus.report.claims import claim_rows, claims_table
from litmus.report.page import write_report
from litmus.report.tables import Bold, arms_table, comparisons, failures, runs_table

BASE = {"model.name": "lenet5"}
GAINS = (0.1, 0.15, 0.2, 0.22)


def rows_of(directory: Path, study: Study, truth: Any, seeds: int) -> dict[str, dict[str, str]]:
    synthetic(directory, study, truth, seeds=seeds)
    return {row["arm"].partition("\n")[0]: dict(row) for row in arms_table(summarise(directory)).rows}


def test_over_fewer_common_seeds_the_means_there_are_shown(tmp_path: Path) -> None:
    study = Study("uneven", "Does it?", BASE, {"model.norm": ["none", "batch", "group"]}, {"model.norm": "none"})

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.is_baseline:
            value = 0.9 if seed < 3 else 0.6
        elif arm.label == "norm batch":
            if seed >= 3:
                return "missing"
            value = 0.88 + 0.001 * seed
        else:
            value = 0.95 + 0.001 * seed
        return {"test_top1": value, "val_top1": value}

    rows = rows_of(tmp_path, study, truth, 5)
    differences = {label: row["to the baseline, points [95 %]"].partition("\n") for label, row in rows.items()}
    assert differences["norm batch"][0].startswith("-1.90 [")
    assert differences["norm batch"][2] == "n = 3 common seeds; baseline there 90.00 %"
    assert differences["norm group"][2] == differences["norm none"][2] == ""
    assert "n = 3 common seeds; baseline there 90.00 %" in write_report(tmp_path, study).path.read_text()


def test_trains_counts_the_seeds_with_a_result(tmp_path: Path) -> None:
    study = Study("training", "Does it?", BASE, {"model.norm": ["none", "batch", "group"]}, {"model.norm": "none"})

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.label == "norm batch" and seed == 3:
            return "missing"
        if arm.label == "norm group" and seed == 0:
            return "diverged"
        return {"test_top1": 0.9, "val_top1": 0.9}

    rows = rows_of(tmp_path, study, truth, 4)
    assert [row["trains"] for row in rows.values()] == ["4 of 4", "3 of 3 so far", "3 of 4"]


def test_differences_all_else_equal_have_a_p_in_a_family_of_their_own(tmp_path: Path) -> None:
    factors = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0]}
    study = Study("matched", "Does it?", BASE, factors, {"model.norm": "none", "optim.lr": 0.1})

    def truth(arm: Arm, seed: int) -> Truth:
        gain = GAINS[seed] if arm.levels["model.norm"] == "batch" else 0.0
        value = 0.7 - 0.05 * (arm.levels["optim.lr"] == 1.0) + gain
        return {"test_top1": value, "val_top1": value}

    rows = rows_of(tmp_path, study, truth, 4)
    matched = {label: row["its p, Holm"] for label, row in rows.items() if row["its p, Holm"]}
    assert list(matched) == ["norm batch, lr 0.1", "norm batch, lr 1.0"]
    # Two equal p-values: each is doubled by a family of two, and would be tripled with the third arm in it.
    alone = rows_of(
        tmp_path / "alone", Study("pair", "", BASE, {"model.norm": ["none", "batch"]}, {}), truth_of_pair, 4
    )
    assert all(abs(float(p) - 2 * float(alone["norm batch"]["p, Holm"])) < 2e-4 for p in matched.values())
    assert all(isinstance(p, Bold) for p in matched.values())
    page = write_report(tmp_path, study).path.read_text()
    assert "all else equal, have a correction of their own" in page


def truth_of_pair(arm: Arm, seed: int) -> Truth:
    value = 0.7 + GAINS[seed] * (arm.levels["model.norm"] == "batch")
    return {"test_top1": value, "val_top1": value}


@pytest.mark.parametrize(("splits", "errors", "count"), [(3, 0.0115, 3), (1, 0.0073, 6)])
def test_where_seeds_share_splits_the_count_is_that_of_the_splits(
    splits: int, errors: float, count: int, tmp_path: Path
) -> None:
    study = Study(name="example", base=BASE, factors={"model.norm": ["none", "batch"]})

    def truth(arm: Arm, seed: int) -> Truth:
        gain = 0.1 + 0.02 * (seed % 3) + 0.001 * (seed // 3)  # by split, and by seed
        value = 0.5 + gain * (arm.levels["model.norm"] == "batch")
        return {"test_top1": value, "val_top1": value}

    analysis = synthetic(tmp_path / "example", study, truth, seeds=6, splits=splits)
    found = difference(analysis, analysis.arms[1], "test_top1")
    assert found.n == count
    # The means of the splits are 0, 2 and 4 points higher; within one the seeds differ by a tenth.
    assert found.seed_error == pytest.approx(errors, abs=5e-5)
    table = comparisons(arm_statistics(analysis, "test_top1"), POINTS, "Accuracy")
    assert table is not None
    assert ("over seeds and splits alone" in table.headings) == (splits == 3)


PAIR = Study("pair", "Does it?", BASE, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})


def test_a_run_that_diverged_has_a_reason_its_log_and_a_command_for_any_machine(tmp_path: Path) -> None:
    def left(arm: Arm, seed: int) -> Truth:
        return "diverged" if arm.label == "norm batch" and seed == 1 else truth_of_pair(arm, seed)

    analysis = synthetic(tmp_path / "runs" / "pair", PAIR, left, seeds=2)
    table = runs_table(analysis)
    assert table is not None
    rows = table.rows
    assert [row["state"] for row in rows] == ["finished", "finished", "finished", "diverged"]
    assert rows[0]["again"] == f"litmus train --config runs/pair/{rows[0]['run']}/config.yaml --out again"
    (analysis.directory / rows[3]["run"] / "log.txt").write_text("first\nlast\n")
    (failure,) = failures(analysis, table)
    assert failure["reason"] == "diverged at step 3: the training loss was not finite"
    assert failure["log"] == "first\nlast"


def test_a_loss_is_not_below_zero_and_times_are_read_in_minutes() -> None:
    assert unit_of("train_loss").interval(Estimate(0.01, -0.004, 0.024, 4, 0.01)) == "0.010 [0.000, 0.024]"
    assert [duration(each) for each in (12.4, 1714, 9000)] == ["12 s", "29 min", "2.5 h"]


def test_a_claim_has_its_p_and_that_after_holm_and_the_seeds_that_it_compares(tmp_path: Path) -> None:
    factors = {"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0]}
    none, batch = {"model.norm": "none"}, {"model.norm": "batch"}
    at = [{**norm, "optim.lr": 0.1} for norm in (none, batch)]
    claims = [
        Claim("At its best rate.", more("test_top1", batch, than=none), primary=True),
        Claim("At one rate.", more("test_top1", at[1], than=at[0]), primary=True),
        Claim("By far.", more("test_top1", at[1], than=at[0]), threshold=0.2),
    ]
    study = Study("claims", "Does it?", BASE, factors, at[0], claims=claims)

    def truth(arm: Arm, seed: int) -> Truth:
        value = 0.7 + GAINS[seed] * (arm.levels["model.norm"] == "batch") - 0.05 * (arm.levels["optim.lr"] == 1.0)
        return {"test_top1": value, "val_top1": value}

    synthetic(tmp_path, study, truth, seeds=4)
    table = claims_table(claim_rows(summarise(tmp_path, claims)))
    assert table is not None
    best, one, far = table.rows
    gains = [GAINS, GAINS[1:]]
    own = [stats.ttest_1samp(each, 0).pvalue for each in gains]
    assert (one["n"], best["n"], far["n"]) == ("4", "3 of 4", "4")
    assert float(one["p"]) == pytest.approx(own[0], abs=2e-3)
    assert float(best["p"]) == pytest.approx(own[1], abs=2e-3)
    assert float(one["p, Holm"]) == pytest.approx(2 * float(one["p"]), abs=2e-4)
    # Not decided: p says how far it is from a verdict, here on the side of "smaller".
    assert (far["verdict"], far["p, Holm"]) == ("inconclusive", "–")
    assert float(far["p"]) == pytest.approx(stats.ttest_1samp(GAINS, 0.2).pvalue, abs=0.02)
