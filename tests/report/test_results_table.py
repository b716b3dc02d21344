"""The main table: differences over fewer seeds than the means beside them, what trains, p with all else equal."""

from pathlib import Path
from typing import Any

from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.summary import summarise
from litmus.report.page import write_report
from litmus.report.tables import results

BASE = {"model.name": "lenet5"}
GAINS = (0.1, 0.15, 0.2, 0.22)


def rows_of(directory: Path, study: Study, truth: Any, seeds: int) -> dict[str, dict[str, Any]]:
    synthetic(directory, study, truth, seeds=seeds)
    return {row["label"]: row for row in results(summarise(directory))}


def test_over_fewer_common_seeds_the_means_there_are_told(tmp_path: Path) -> None:
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
    assert rows["norm batch"]["difference"].startswith("-1.90 [")
    assert rows["norm batch"]["common"] == "n = 3 common seeds; baseline there 90.00 %"
    assert rows["norm group"]["common"] == rows["norm none"]["common"] == ""
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
    matched = {label: row["p_matched"] for label, row in rows.items() if row["p_matched"]}
    assert list(matched) == ["norm batch, lr 0.1", "norm batch, lr 1.0"]
    # Two equal p-values: each is doubled by a family of two, and would be tripled with the third arm in it.
    alone = rows_of(
        tmp_path / "alone", Study("pair", "", BASE, {"model.norm": ["none", "batch"]}, {}), truth_of_pair, 4
    )
    assert all(abs(float(p) - 2 * float(alone["norm batch"]["p"])) < 2e-4 for p in matched.values())
    assert all(row["differs_matched"] for row in rows.values() if row["p_matched"])
    page = write_report(tmp_path, study).path.read_text()
    assert "all else equal, are a family of their own" in page


def truth_of_pair(arm: Arm, seed: int) -> Truth:
    value = 0.7 + GAINS[seed] * (arm.levels["model.norm"] == "batch")
    return {"test_top1": value, "val_top1": value}
