"""The commands that measure on a GPU go on where they stopped, and repeat nothing."""

import json
import time
from pathlib import Path

import pytest

from benchmarks.gpu import ledger
from benchmarks.gpu.ledger import Check, Found, Ledger, Setting, Skip
from benchmarks.gpu.paper import archive, unpack


def rows_of(folder: Path) -> dict[str, str]:
    content = json.loads((folder / "trial-cpu-small.json").read_text())
    return {row["name"]: row["result"] for row in content["rows"]}


def test_a_row_is_done_once_whatever_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def check(name: str, found: Found | Exception) -> tuple[str, Check]:
        def do() -> Found:
            done.append(name)
            if isinstance(found, Exception):
                raise found
            return found

        return name, do

    checks = [
        check("holds", Found(True, "yes")),
        check("does not", Found(False, "no")),
        check("breaks", ValueError("at once")),
        check("a figure", Found(None, "12")),
        check("nothing here", Skip("needs a GPU")),
    ]
    setting = Setting("cpu", True, tmp_path)
    assert Ledger("trial", setting, minutes=0).run(checks) == 5  # no time, nothing begun
    assert done == []
    assert Ledger("trial", setting, minutes=1).run(checks) == 0
    expected = {
        "holds": "pass",
        "does not": "fail",
        "breaks": "fail",
        "a figure": "measured",
        "nothing here": "skipped",
    }
    assert rows_of(tmp_path) == expected
    assert "ValueError: at once" in capsys.readouterr().out
    again = Ledger("trial", setting, minutes=1)
    again.run(checks)
    assert len(done) == 5
    again.forget("fail")
    again.run(checks)
    assert done[5:] == ["does not", "breaks"]


def test_a_row_that_the_minutes_cut_short_is_left_and_one_that_takes_too_long_has_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks: list[tuple[str, Check]] = [("long", lambda: time.sleep(30) or Found(True, "at last"))]  # type: ignore[func-returns-value]
    setting = Setting("cpu", True, tmp_path)
    monkeypatch.setattr(ledger, "LEAST_SECONDS", 0.1)
    assert Ledger("trial", setting, minutes=0.3 / 60).run(checks) == 1
    assert not (tmp_path / "trial-cpu-small.json").exists()
    monkeypatch.setattr(ledger, "ROW_SECONDS", 0.2)
    assert Ledger("trial", setting, minutes=1).run(checks) == 0
    assert rows_of(tmp_path) == {"long": "fail"}


def test_records_travel_without_the_checkpoints_of_runs_that_are_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.gpu.paper.PART", 100)
    study = tmp_path / "here" / "a_study"
    for name, over in (("one", True), ("other", False)):
        (study / name / "checkpoints").mkdir(parents=True)
        (study / name / "checkpoints" / "last.ckpt").write_text(name)
        (study / name / "status.json").write_text("{}")
        if over:
            (study / name / "summary.json").write_text("{}")
    assert len(archive(study, tmp_path / "records.tgz")) > 1
    unpack(tmp_path / "records.tgz", tmp_path / "there")
    files = {str(path.relative_to(tmp_path / "there")) for path in (tmp_path / "there").rglob("*") if path.is_file()}
    assert files == {
        "a_study/one/status.json", "a_study/one/summary.json",
        "a_study/other/status.json", "a_study/other/checkpoints/last.ckpt",
    }  # fmt: skip
