"""Every study's report can be written: its tables, its own figures, runs of all states among them."""

from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.report.page import write_report


@pytest.mark.parametrize("name", STUDIES.names())
def test_a_report_is_written_from_partial_records(name: str, tmp_path: Path) -> None:
    study = STUDIES[name]
    first = next(iter(study.arms), None)

    def truth(arm: Arm, seed: int) -> Truth:
        if seed == 1 and not arm.is_baseline:
            return "diverged" if arm.label == first else "missing"
        rows = [(step, "layer", "decay_factor", 0.9 + step / 100) for step in (0, 1)]
        return {"test_top1": 0.9 + seed / 100, "val_top1": 0.8, "train_top1": 1.0, "probes": rows}

    synthetic(tmp_path, study, truth, seeds=2)
    report = write_report(tmp_path, study)
    text = report.path.read_text()
    assert all(claim.sentence.rstrip(".").split("<")[0] in report.answer for claim in study.claims)
    assert text.count('class="verdict ') == len(study.claims)
    assert study.limits.get("quick", "")[:20] in text.replace("&#39;", "'")
    assert (tmp_path / "statistics.csv").read_text().startswith("metric,arm,baseline,mean,low,high,n")


def test_arms_that_set_different_keys_are_no_factorial_study(tmp_path: Path) -> None:
    study = STUDIES["batch_norm_recipe"]
    assert len({len(levels) for levels in study.arms.values()}) > 1
    synthetic(tmp_path, study, lambda arm, seed: {"test_top1": 0.9, "val_top1": 0.8}, seeds=2)
    text = write_report(tmp_path, study).path.read_text()
    assert "all else equal" not in text
    assert "Main effects" not in text
