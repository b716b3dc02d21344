"""Tuned studies as they run: the same trials for all arms, none looks at the test set, and nothing is run twice."""

import json
import re
import shutil
from pathlib import Path

import pytest
from tiny_runs import tiny_options

from litmus.cli.main import run_command
from litmus.evidence.results import analyse
from litmus.records.frames import load
from litmus.records.run_record import run_records

TUNED = [
    "vary", *tiny_options(), "--vary", "model.norm=none,batch", "--tune", "optim.lr=0.01,0.1",
    "--seeds", "1", "--name", "mine", "--wandb", "disabled",
]  # fmt: skip


@pytest.mark.slow
def test_a_tuned_study_from_its_trials_to_its_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(TUNED) == 0
    folder = tmp_path / "runs/mine"
    study = json.loads((folder / "study.json").read_text())
    tuning = study["tuning"]
    # A rate of 0.01 is far too low for two epochs: the best lies at the other edge.
    assert [trial["values"]["optim.lr"] for trial in tuning["trials"]] == [0.01, 0.1]
    assert tuning["chosen"] == {arm: {"optim.lr": 0.1} for arm in ("norm none", "norm batch")}
    assert tuning["seeds"] == [1_000_000]

    trials = {run for trial in tuning["trials"] for runs in trial["runs"].values() for run in runs.values()}
    records = load(folder).set_index("run")
    assert len(trials) == 4
    assert set(records.index[records["trial"].notna()]) == trials
    assert records.loc[sorted(trials), "test_top1"].isna().all()  # a trial never reads the test set
    analysis = analyse(folder)
    assert set(analysis.records["run"]).isdisjoint(trials)
    assert set(analysis.records["optim.lr"]) == {0.1}
    assert analysis.records["test_top1"].notna().all()

    page = (folder / "report.html").read_text()
    assert "tuned for each arm, with the same budget: optim.lr" in page
    assert "every arm tried the same 2 settings" in page
    assert "learning rate 0.1, the highest" in page
    capfd.readouterr()
    assert run_command(["status", "mine"]) == 0
    assert re.search(r"\(trials of the tuning\) +4", capfd.readouterr().out)

    # Whatever is lost is run again and nothing else, and ends the same.
    before = {record.run_id: record.metrics_file.read_text() for record in run_records(folder)}
    for run in [min(trials), analysis.arms[0].arm.runs[0]]:
        shutil.rmtree(folder / run)
    (folder / "study.json").unlink()
    assert run_command(TUNED) == 0
    assert len(re.findall(r"finished norm", capfd.readouterr().err)) == 2
    assert {record.run_id: record.metrics_file.read_text() for record in run_records(folder)} == before
    assert json.loads((folder / "study.json").read_text()) == study
