"""A run's config is read as YAML reads it, whoever wrote it; what is no config is told."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from litmus.records.lease import acquire
from litmus.records.run_record import RunOutcome, RunRecord
from litmus.records.storage import CorruptRecord

keys = st.from_regex(r"[a-z]\w{0,6}", fullmatch=True)
plain = st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(allow_nan=False) | st.text(max_size=30)
sections = st.dictionaries(keys, plain | st.lists(plain, max_size=3), max_size=4)


def read(folder: Path, text: str) -> dict[str, Any]:
    (folder / "config.yaml").write_text(text)
    return RunRecord(folder).read_config()


@given(st.dictionaries(keys, plain | sections, min_size=1, max_size=4), st.booleans())
def test_a_config_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any], unicode: bool
) -> None:
    folder = tmp_path_factory.getbasetemp()
    text = "# run 0123 of study a\n" + yaml.safe_dump(config, sort_keys=False, allow_unicode=unicode)
    expected = yaml.safe_load(text)
    assert unicode or expected == config
    assert read(folder, text) == expected
    assert read(folder, text) == expected  # what is remembered of the first time is the same


@pytest.mark.parametrize(
    "text",
    [
        "{seed: 1, optim: {lr: 0.1}}\n",
        "base: &rate {lr: 0.1}\noptim: *rate\n",
        "---\nseed: 1\n# a remark\noptim:\n  lr: 0.1  # another\n",
        "text: |\n  a: 1\n  b: 2\nseed: 3\n",
        '"quoted": 1\nseed: 2\n',
    ],
)
def test_other_ways_to_write_yaml_are_read_too(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == yaml.safe_load(text)


def test_what_is_read_may_be_changed_without_changing_what_is_read_next(tmp_path: Path) -> None:
    read(tmp_path, "optim:\n  lr: 0.1\n")["optim"]["lr"] = 5
    assert read(tmp_path, "optim:\n  lr: 0.1\n") == {"optim": {"lr": 0.1}}


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
