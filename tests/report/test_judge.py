"""Runs that were trained elsewhere: the report of a table equals scipy's figures, and says what was not checked."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import litmus
from litmus import Result
from litmus.core.errors import UserError
from litmus.evidence.differences import holm


def runs(arms: Sequence[str] = ("none", "mixup", "cutout"), seeds: int = 6) -> pd.DataFrame:
    """Return a table of accuracies in per cent, whose seeds share part of their variance."""
    generator = np.random.default_rng(0)
    rows = []
    for seed in range(seeds):
        common = generator.normal(0, 0.6)
        rows += [
            {"method": arm, "seed": seed, "accuracy": round(92 + index + common + generator.normal(0, 0.4), 2)}
            for index, arm in enumerate(arms)
        ]
    return pd.DataFrame(rows)


def judged(table: pd.DataFrame, folder: Path, **reading: object) -> tuple[Result, pd.DataFrame]:
    """Return the result of a table, and its statistics by arm."""
    result = litmus.judge(table, out=folder, **{"arm": "method", "metric": "accuracy", **reading})
    return result, pd.read_csv(result.report.parent / "statistics.csv").set_index("arm")


def test_differences_of_shared_seeds_are_scipys_paired_t_test(tmp_path: Path) -> None:
    table = runs()
    result, statistics = judged(table, tmp_path)
    wide = table.pivot(index="seed", columns="method", values="accuracy")
    tests = {arm: stats.ttest_rel(wide[arm], wide["none"]) for arm in ("mixup", "cutout")}
    corrected = holm([test.pvalue for test in tests.values()])
    for (arm, test), p_holm in zip(tests.items(), corrected, strict=True):
        row, interval = statistics.loc[arm], test.confidence_interval()
        found = 100 * row[["difference_mean", "difference_low", "difference_high"]].astype(float)
        assert found.tolist() == pytest.approx([(wide[arm] - wide["none"]).mean(), *interval])
        assert row[["p_value", "p_holm"]].tolist() == pytest.approx([test.pvalue, p_holm])
    page = result.report.read_text()
    assert "Differences are paired: seed by seed" in page
    assert "preset" not in page
    for unknown in ("Initialisation", "Order and augmentation", "Test images", "Code", "Plan"):
        assert f"{unknown}</th>" in page
    assert page.count(">not checked</td>") == 6
    assert result.answer.startswith("2 of 2 arms are shown to differ from the baseline (none) in accuracy: cutout is")


def test_arms_without_shared_seeds_are_compared_by_welchs_test(tmp_path: Path) -> None:
    table = runs()
    table.loc[table["method"] == "cutout", "seed"] += 100
    table = table.drop(table.index[-1])  # of unequal numbers of runs
    result, statistics = judged(table, tmp_path)
    by_arm = table.groupby("method")["accuracy"].apply(list)
    test = stats.ttest_ind(by_arm["cutout"], by_arm["none"], equal_var=False)
    row, interval = statistics.loc["cutout"], test.confidence_interval()
    found = 100 * row[["difference_low", "difference_high"]].astype(float)
    assert found.tolist() == pytest.approx([*interval])
    assert row["p_value"] == pytest.approx(test.pvalue)
    assert not row["paired"]
    assert statistics.loc["mixup", "paired"]
    page = result.report.read_text()
    assert "But cutout shares too few seeds with the baseline" in page
    assert "n = 5 and 6, unpaired" in page


def test_a_table_without_seeds_is_compared_unpaired_and_says_so(tmp_path: Path) -> None:
    result, statistics = judged(runs().drop(columns="seed"), tmp_path)
    assert not statistics.loc["mixup", "paired"]
    assert any("compared unpaired" in note for note in result.notes)
    assert "no: the table has no seeds" in result.report.read_text()


def test_another_column_that_differs_with_the_arm_is_named(tmp_path: Path) -> None:
    table = runs()
    table["lr"] = table["method"].map({"none": 0.1, "mixup": 0.2, "cutout": 0.1})
    table["epochs"] = 90
    result, _ = judged(table, tmp_path)
    assert result.answer.endswith("The arms differ in lr as well.")
    assert "no: in the table lr differ too" in result.report.read_text()


@pytest.mark.parametrize(
    ("change", "reading", "message"),
    [
        (lambda t: pd.concat([t, t.tail(1)], ignore_index=True), {}, "row 17 and row 18 are both cutout, seed 5"),
        (lambda t: t.assign(accuracy=t["accuracy"].where(t.index != 7)), {}, r"missing or not finite in row 7 \(mixup"),
        (lambda t: t.assign(accuracy=["n. a.", *t["accuracy"][1:]]), {}, "row 0: accuracy is 'n. a.', not a number"),
        (lambda t: t.assign(method=t["method"].where(t.index != 3)), {}, "method is missing in row 3"),
        (lambda t: t[t["seed"] == 0], {}, "each of 3 arms has one run"),
        (lambda t: t[t["method"] == "none"], {}, "method has one value, 'none'"),
        (lambda t: t[:0], {}, "has no rows"),
        (lambda t: t.assign(accuracy=t["accuracy"].where(t.index > 2, t["accuracy"] / 100)), {}, "were mixed"),
        (lambda t: t, {"metric": "acuracy"}, "no column 'acuracy'; did you mean 'accuracy'"),
        (lambda t: t, {"baseline": "non"}, "no arm 'non'; did you mean 'none'"),
        (lambda t: t, {"arm": ""}, "--arm names a column of the frame: its columns are method, seed and accuracy"),
        (lambda t: t.assign(epoch=1).pipe(lambda a: pd.concat([a, a.assign(epoch=2)])), {}, "add --step epoch"),
        (lambda t: t, {"scale": "fraction"}, "not within 0 and 1"),
    ],
)
def test_a_table_that_cannot_be_judged_is_refused_in_one_line(
    tmp_path: Path, change: object, reading: dict[str, str], message: str
) -> None:
    assert callable(change)
    with pytest.raises(UserError, match=message) as error:
        judged(change(runs()), tmp_path, **reading)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())
