"""`litmus status`: the runs of studies by state, how far those at work are, and what machines read of it."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from synthetic_records import Truth, synthetic

from litmus.cli.main import run_command
from litmus.cli.status import seconds_left
from litmus.design.plan import Arm
from litmus.design.study import Study
from litmus.evidence.results import Analysis
from litmus.records.lease import acquire
from litmus.records.run_record import Heartbeat, RunRecord, run_records, write_heartbeat

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text()
NORMS = {"model.norm": ["none", "batch", "group"]}
STUDY = Study("norms", "Which norm?", {"model.name": "lenet5"}, NORMS, {"model.norm": "none"})


def truth(arm: Arm, seed: int) -> Truth:
    if arm.levels["model.norm"] == "group" and seed:
        return "diverged" if seed == 1 else "missing"
    return {"test_top1": 0.8 + seed / 100, "val_top1": 0.8}


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Analysis:
    """A study of nine runs in the current folder: seven took 100 seconds, one diverged, and one has not started."""
    monkeypatch.chdir(tmp_path)
    analysis = synthetic(tmp_path / "runs" / "norms", STUDY, truth, seeds=3)
    for index, record in enumerate(run_records(tmp_path / "runs" / "norms")):
        record.write_status(**{**record.read_status(), "started": 1000.0 + index, "updated": 1100.0 + index})
    return analysis


def found(capsys: pytest.CaptureFixture[str], *command: str) -> dict[str, Any]:
    assert run_command([*command, "--json"]) == 0
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def documented(title: str) -> set[str]:
    """Return the keys that docs/json.md describes in the section `title`, those within another left out."""
    section = PAGE.split(f"## `litmus {title}`\n")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


def test_all_studies(study: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "status")
    assert content.keys() == {"format"} | documented("status --json")
    [row] = content["experiments"]
    assert (row["experiment"], row["study"]) == ("norms", "norms")
    states = {state: count for state, count in row["runs"].items() if count}
    assert states == {"finished": 7, "diverged": 1, "not_started": 1}
    assert run_command(["status"]) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["experiment", "finished", "diverged", "not", "started"]
    assert line.split() == ["norms", "7", "1", "1"]


def test_one_study_arm_by_arm(study: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    content = found(capsys, "status", "norms")
    assert content.keys() == {"format"} | documented("status EXPERIMENT --json")
    assert content["seconds_left"] is None  # nothing is at work
    assert content["bytes"] == sum(file.stat().st_size for file in Path("runs").rglob("*") if file.is_file())
    group = content["arms"][2]
    assert group["levels"] == {"model.norm": "group"}
    assert [run["state"] for run in group["runs"]] == ["finished", "diverged", "not_started"]
    assert run_command(["status", "norms"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split() == ["norm", "group", "1", "1", "1"]
    assert lines[-1].startswith("size: ")


def test_a_run_at_work_says_how_far_it_is(study: Analysis, capsys: pytest.CaptureFixture[str]) -> None:
    record = RunRecord(Path("runs") / "norms" / study.study.arms[2].runs[2])
    record.path.mkdir()
    lease = acquire(record.path)
    assert lease is not None
    record.write_status(state="running", study="norms", arm="norm group", seed=2, attempts=1)
    heartbeat = Heartbeat(360, 800, 4.5, 10, 812.4, "val_top1", 0.912)
    write_heartbeat(record.path, heartbeat)
    content = found(capsys, "status", "norms")
    assert Heartbeat(**content["arms"][2]["runs"][2]["progress"]) == heartbeat
    assert content["seconds_left"] == 50  # half of one run
    assert run_command(["status", "norms"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "norm group, seed 2: step 360/800, epoch 4.5/10, 812 images/s, val_top1 91.20 %" in shown
    lease.release()
    assert run_command(["show", record.run_id]) == 0
    assert "step 360/800, epoch 4.5/10" in capsys.readouterr().out


def test_the_time_left_follows_from_the_last_runs_and_those_at_work(study: Analysis) -> None:
    folder = Path("runs/norms")
    assert seconds_left(folder, Counter(finished=6, running=2, not_started=7)) == 400  # 8 × 100 s / 2
    assert seconds_left(folder, Counter(finished=6, running=1)) == 50
    assert seconds_left(folder, Counter(finished=6, not_started=7)) is None  # nothing is at work
    assert seconds_left(folder, Counter(running=2)) is None  # nothing is known
