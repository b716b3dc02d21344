"""What the page says beside its figures: commands for another machine, times that vary, what a claim measures."""

from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, more
from litmus.core.formatting import duration
from litmus.core.metrics import described
from litmus.design.plan import Arm
from litmus.evidence.estimate import Estimate
from litmus.evidence.summary import summarise
from litmus.evidence.units import unit_of
from litmus.records.run_record import RunRecord
from litmus.report.answer import diverging
from litmus.report.figures.cost import noisy_time
from litmus.report.page import write_report
from litmus.report.tables import failures, run_rows

BATCH, NONE = {"model.norm": "batch"}, {"model.norm": "none"}
FITS = Claim("With batch norm training accuracy is higher.", more("fit_top1", BATCH, than=NONE))
STUDY = Study("pair", "Does it?", {"model.name": "lenet5"}, {"model.norm": ["none", "batch"]}, NONE, claims=[FITS])


def truth(arm: Arm, seed: int) -> Truth:
    value = 0.8 + 0.1 * (arm.label == "norm batch") + 0.001 * seed
    return {"test_top1": value, "val_top1": value, "fit_top1": value}


def test_commands_name_the_folder_and_no_machine(tmp_path: Path) -> None:
    directory = tmp_path / "runs" / "pair"
    synthetic(directory, STUDY, truth, seeds=2)
    page = write_report(directory, STUDY).path.read_text()
    assert str(tmp_path) not in page
    assert f"seed 0: <code>litmus train --config runs/pair/{0:012x}/config.yaml --out again</code>" in page
    assert "Run the commands in the folder that holds <code>runs/</code>" in page


def test_a_claims_figures_name_what_was_measured(tmp_path: Path) -> None:
    synthetic(tmp_path, STUDY, truth, seeds=3)
    assert FITS.find(summarise(tmp_path).analysis).evidence.startswith("Training accuracy. norm batch: 90.10 %")
    assert (described("best_val_iou"), described("own")) == ("best validation mean IoU", "")


@pytest.mark.parametrize(("spread", "noisy"), [(0.0, False), (1.0, True)])
def test_seconds_that_vary_are_said_to(spread: float, noisy: bool, tmp_path: Path) -> None:
    analysis = synthetic(tmp_path, STUDY, lambda arm, seed: {**dict(truth(arm, seed)), "seconds": 2 + spread * seed}, 3)
    told = noisy_time(analysis)
    assert told.startswith(" Seconds are no sure measure here: in 2 of 2 arms") == noisy
    assert bool(told) == noisy


def test_intervals_that_a_fall_widens_are_explained(tmp_path: Path) -> None:
    def left(arm: Arm, seed: int) -> Truth:
        return "diverged" if arm.label == "norm batch" and seed == 1 else truth(arm, seed)

    synthetic(tmp_path / "fell", STUDY, left, seeds=3)
    synthetic(tmp_path / "none", STUDY, truth, seeds=3)
    told = diverging(summarise(tmp_path / "fell"))
    assert "the step of their fall to guessing, 10.00 %" in told
    assert told in write_report(tmp_path / "fell", STUDY).path.read_text().replace("&#39;", "'")
    assert diverging(summarise(tmp_path / "none")) == ""


def test_a_hint_on_slurm_is_no_reason_of_a_failure(tmp_path: Path) -> None:
    def left(arm: Arm, seed: int) -> Truth:
        return "diverged" if arm.label == "norm batch" and seed == 1 else truth(arm, seed)

    analysis = synthetic(tmp_path, STUDY, left, seeds=2)
    (failed,) = (row for row in run_rows(analysis) if row.state == "diverged")
    log = RunRecord(tmp_path / failed.run).log_file
    log.write_text("first\nThe `srun` command is available on your system but is not used. HINT: ...\nlast\n")
    (failure,) = failures(analysis, run_rows(analysis))
    assert failure.log == "first\nlast"


def test_a_loss_is_not_below_zero_and_times_are_read_in_minutes() -> None:
    assert unit_of("train_loss").interval(Estimate(0.01, -0.004, 0.024, 4, 0.01)) == "0.010 [0.000, 0.024]"
    assert unit_of("own").interval(Estimate(0.01, -0.004, 0.024, 4, 0.01)) == "0.010 [-0.004, 0.024]"
    assert [duration(each) for each in (12.4, 1714, 9000)] == ["12 s", "29 min", "2.5 h"]
