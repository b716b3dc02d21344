"""`litmus status`: what it says of a study that is at work, beside how far it is."""

from collections import Counter
from pathlib import Path

import pytest
from synthetic_records import synthetic

from litmus.cli.main import run_command
from litmus.cli.status import seconds_left
from litmus.design.study import Study
from litmus.records.run_record import run_records

STUDY = Study("left", "?", {"model.name": "mlp"}, {"model.norm": ["none", "batch"]}, {"model.norm": "none"}, seeds=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A study of six runs, of which four finished after 100 seconds each."""
    synthetic(tmp_path / "left", STUDY, lambda arm, seed: {"test_top1": 0.8, "val_top1": 0.8}, seeds=3)
    for index, record in enumerate(run_records(tmp_path / "left")):
        status = record.read_status()
        record.write_status(**{**status, "started": 1000.0 + index, "updated": 1100.0 + index})
    return tmp_path / "left"


def test_the_time_left_is_that_of_the_last_runs_over_those_at_work(folder: Path) -> None:
    assert seconds_left(folder, Counter({"finished": 6, "running": 2, "not started": 7})) == 400  # 8 × 100 s / 2
    assert seconds_left(folder, Counter({"finished": 6, "running": 1})) == 50
    assert seconds_left(folder, Counter({"finished": 6, "not started": 7})) is None  # nothing is at work
    assert seconds_left(folder, Counter({"running": 2})) is None  # nothing is known


def test_a_study_says_how_much_of_the_disk_it_takes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["status", "left", "--out", str(folder.parent)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("size: ")
