"""What the first picture shows at once, and that its words agree with its intervals."""

import math
import re
from pathlib import Path

from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.design.plan import Arm, expand
from litmus.evidence.estimate import Effect
from litmus.evidence.summary import summarise
from litmus.evidence.units import POINTS
from litmus.launch.history import append_to_history
from litmus.report.claims import claim_rows
from litmus.report.forest import Group, Row, claim_groups, forest
from litmus.report.page import write_report

RATES = [round(0.001 * (index + 1), 3) for index in range(12)]
BASE = {"model.name": "lenet5"}
NOISE = (0.0, 0.004, -0.004, 0.002)


def arms_of(directory: Path, means: dict[str, float], lost: str = "") -> Group:
    study = Study("rates", "Which?", BASE, {"optim.lr": RATES}, {"optim.lr": RATES[0]})

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.label == lost and seed == 0:
            return "diverged"
        # Each arm's seeds in another order and further apart, so that the differences vary.
        index = RATES.index(arm.levels["optim.lr"])
        shift = NOISE[(seed + index) % 4] * (1 + index / 20)
        return {"test_top1": means.get(arm.label, 0.8) + shift, "val_top1": 0.8}

    synthetic(directory, study, truth, seeds=4)
    return forest(summarise(directory), ())[-1]


def test_no_arm_with_a_verdict_or_that_diverged_is_folded(tmp_path: Path) -> None:
    worse = [f"lr 0.{index:03}" for index in range(3, 10)]
    means = {"lr 0.002": 0.9, **{label: 0.5 - 0.01 * index for index, label in enumerate(worse)}}
    group = arms_of(tmp_path, means, lost="lr 0.01")
    first = {row.label: row for row in group.first}
    assert {row.verdict for row in group.others} == {"inconclusive"}
    assert {row.label for row in group.others} == {"lr 0.011", "lr 0.012"}
    assert first["lr 0.002"].verdict == "better"
    assert {first[label].verdict for label in worse} == {"worse"}
    assert first["lr 0.01"].note == "1 of 4 diverged"
    means = [row.estimate.mean for row in group.first]
    assert means == sorted(means, reverse=True)


def test_of_arms_without_a_verdict_those_in_the_middle_are_folded(tmp_path: Path) -> None:
    group = arms_of(tmp_path, {"lr 0.002": 0.9, "lr 0.003": 0.4})
    assert len(group.first) == 8
    folded = [row.estimate.mean for row in group.others]
    means = [row.estimate.mean for row in group.first]
    assert means[3] >= max(folded) >= min(folded) >= means[4]


def test_an_interval_without_zero_that_holm_takes_says_so(tmp_path: Path) -> None:
    group = arms_of(tmp_path, {"lr 0.002": 0.813})
    row = next(row for row in group.first if row.label == "lr 0.002")
    assert re.fullmatch(r"better before Holm's correction, p 0.\d+ after it", row.note)
    assert row.estimate.excludes_zero
    assert row.verdict == "not significant"


def test_a_claim_whose_runs_are_missing_says_that_at_its_interval(tmp_path: Path) -> None:
    norms = {"model.norm": ["none", "batch", "group"]}
    none, batch, group = ({"model.norm": norm} for norm in norms["model.norm"])
    claims = [
        Claim("Batch is better.", more("test_top1", batch, than=none)),
        Claim("Group is better.", more("test_top1", group, than=none)),
    ]
    study = Study("norms", "Which?", BASE, norms, none, claims=claims)

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.label == "norm batch" and seed == 3:
            return "missing"
        gain = 0.1 * (arm.label == "norm batch") + 0.001 * seed * (not arm.is_baseline)
        return {"test_top1": 0.7 + gain, "val_top1": 0.7}

    synthetic(tmp_path, study, truth, seeds=4)
    row, other = claim_groups(claim_rows(summarise(tmp_path, claims)))[0].first
    assert row.estimate.excludes_zero
    assert (row.verdict, row.kind) == ("runs missing", "inconclusive")
    assert other.verdict != "runs missing"


def test_bars_end_where_their_text_does_and_no_interval_is_no_bar() -> None:
    wide = Effect(0.6, -0.2, 1.4, 4, 0.5)
    none = Effect(0.1, -math.inf, math.inf, 3, 0.1)
    rows = [Row(name, each, POINTS.signed(each), "", "inconclusive") for name, each in (("a", wide), ("b", none))]
    assert [row.text for row in rows] == ["+60.00 [-20.00, +100.00]", "+10.00 (no interval from 3 seeds)"]
    assert POINTS.span(-math.inf, math.inf, signed=True) == "–"
    group = Group("", "", rows, POINTS)
    assert not math.isnan(group.mark(rows[0]).high)
    assert math.isnan(group.mark(rows[1]).high)
    # The axis need not go beyond a hundred points but for its margin.
    assert group.ticks[-1][1] == "100"
    assert group.mark(rows[0]).high < 100


def test_few_seeds_beyond_a_plan_leave_no_interval_on_the_page(tmp_path: Path) -> None:
    study = Study("pair", "Does it?", BASE, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})
    values = {"norm none": (0.5, 0.52, 0.51), "norm batch": (0.6, 0.7, 0.65)}

    def truth(arm: Arm, seed: int) -> Truth:
        return {"test_top1": values[arm.label][seed], "val_top1": 0.5}

    synthetic(tmp_path, study, truth, seeds=3)
    plan = expand(study, seeds=3)
    append_to_history(plan, tmp_path, (), plan.record((), data=("f",)), looked=True)
    page = write_report(tmp_path, study).path.read_text()
    assert "+14.00 (no interval from 3 seeds)" in page
    assert "∞, +∞]" not in page
    assert "[-100.00, +100.00]" not in page


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert POINTS.signed(Effect(-1e-9, -0.01, 0.01, 5, 0.01)) == "+0.00 [-1.00, +1.00]"
    assert POINTS.text(-1e-9) == "0.00 %"
