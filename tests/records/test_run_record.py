"""A run's files, and the outcome that they bear out."""

from pathlib import Path
from typing import Any

import pytest

from litmus.records.lease import acquire
from litmus.records.run_record import RunOutcome, RunRecord
from litmus.records.storage import CorruptRecord


def read(folder: Path, text: str) -> dict[str, Any]:
    (folder / "config.yaml").write_text(text)
    return RunRecord(folder).read_config()


def test_a_config_is_read_as_yaml(tmp_path: Path) -> None:
    text = "# run 0123 of study a\nseed: 1\noptim:\n  lr: 1.0e-05  # small\n  name: null\ntext: é\n"
    assert read(tmp_path, text) == {"seed": 1, "optim": {"lr": 1e-5, "name": None}, "text": "é"}
    assert RunRecord(tmp_path / "none").read_config() == {}


@pytest.mark.parametrize("text", ["optim:\n  lr: [0.1\n", "- a\n- b\n", "words\n", "a: 1\n b: 2\n"])
def test_what_is_no_config_is_corrupt(tmp_path: Path, text: str) -> None:
    with pytest.raises(CorruptRecord, match=r"config\.yaml: "):
        read(tmp_path, text)


def test_an_outcome_is_what_the_files_bear_out(tmp_path: Path) -> None:
    record = RunRecord(tmp_path / ("0" * 12))
    assert record.outcome() == RunOutcome("not started")
    record.path.mkdir()
    for state in ("interrupted", "crashed"):
        record.write_status(state=state)
        assert record.outcome() == RunOutcome(state)
    record.write_status(state="running")  # by nobody who is alive
    assert record.outcome() == RunOutcome("interrupted")
    lease = acquire(record.path)
    assert lease is not None
    assert record.outcome() == RunOutcome("running")
    lease.release()

    record.write_status(state="finished")
    assert record.state() == "finished"
    assert record.outcome() == RunOutcome("corrupt", f"{record.summary_file} is missing")
    record.config_file.write_text("trainer: {keep: last}\n")
    record.metrics_file.write_text("step\n")
    record.summary_file.write_text('{"metrics": {}}')
    assert record.outcome() == RunOutcome("corrupt", f"{record.checkpoint} is missing")
    record.write_status(state="diverged")
    assert record.outcome().is_complete
    record.checkpoint.parent.mkdir()
    record.checkpoint.write_bytes(b"")
    record.write_status(state="finished")
    assert record.outcome().is_complete
    for file, text in ((record.summary_file, "{}"), (record.status_file, "no JSON")):
        file.write_text(text)
        assert record.outcome().state == "corrupt"
        assert str(file) in record.outcome().problem
