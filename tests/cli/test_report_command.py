"""`litmus report`: a study by name or path, all of them, other formats."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from litmus.cli import report
from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES


def truth(arm: Arm, seed: int) -> Truth:
    end = 0.9 + 0.01 * seed + 0.02 * (arm.levels["model.norm"] == "batch")
    return {"test_top1": end, "val_top1": end}


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of records with two studies, in the current folder."""
    monkeypatch.chdir(tmp_path)
    synthetic(tmp_path / "runs" / "first", STUDIES["batch_norm"], truth, seeds=3)
    synthetic(tmp_path / "runs" / "second", STUDIES["batch_norm"], truth, seeds=3)
    return tmp_path / "runs"


def test_a_study_is_named_or_its_folder_given(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for study in ("first", "runs/first", str(out / "first"), "./runs/first/"):
        (out / "first" / "report.html").unlink(missing_ok=True)
        assert report.execute([study]) == 0
        assert (out / "first" / "report.html").is_file()
        assert "report: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/frist"], "no experiment in runs/frist"),
        (["../first"], "no experiment in ../first"),
        (["frist"], "did you mean 'first'"),
        ([], "name an experiment"),
        (["first", "--export", "docx"], "unknown --export 'docx'; valid: markdown"),
        (["--all", "first"], "--all writes every report and an index"),
    ],
)
def test_what_cannot_be_is_refused(out: Path, arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        report.execute(arguments)


def test_exports_are_written_beside_the_report(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert report.execute(["first", "--export", "markdown, csv,methods"]) == 0
    written = [line.removeprefix("export: ") for line in capsys.readouterr().out.splitlines() if "export: " in line]
    assert [Path(path).name for path in written] == ["results.md", "results.csv", "methods.txt"]
    assert all(Path(path).is_file() for path in written)


def test_two_experiments_are_compared(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def other(arm: Arm, seed: int) -> Truth:
        return {"test_top1": 0.95 + 0.001 * seed, "val_top1": 0.9}

    study = STUDIES["batch_norm"]
    synthetic(out / "third", replace(study, base={**study.base, "trainer.epochs": 3}), other, seeds=3)
    assert report.execute(["first", "third"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("they differ in: trainer.epochs\n")
    # 0.91 ± 0.01 and 0.951 ± 0.001 over three seeds each: 4.1 points, with Welch's two degrees of freedom or so.
    assert "norm none, lr 0.01: +4.10 [+1.65," in printed
    page = (out / "third" / "against-first.html").read_text()
    assert "+4.10 [+1.65," in page
    assert 'href="../first/report.html"' in page
    assert all(claim.sentence in page for claim in study.claims)
    with pytest.raises(UserError, match="are the same experiment"):
        report.execute(["first", "first"])


def test_an_index_of_all(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (out / "broken").mkdir()
    (out / "broken" / "study.json").write_text("{")
    assert report.execute(["--all"]) == 0
    page = (out / "index.html").read_text()
    for study in ("first", "second"):
        assert f'href="{study}/report.html"' in page
        assert (out / study / "report.html").is_file()
    assert "cannot be read" in page


def test_json_has_the_question_the_arms_the_effects_and_the_verdicts(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.execute(["first", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not (out / "first" / "report.html").exists()
    assert found["question"] == STUDIES["batch_norm"].question
    assert (found["metric"], found["baseline"], len(found["arms"])) == ("test_top1", "norm none, lr 0.03", 10)
    [effect] = [each for each in found["effects"] if each["arm"] == "norm batch, lr 0.1"]
    assert effect["mean"] == pytest.approx(0.02)
    assert (effect["n"], effect["to"], effect["probability_of_improvement"]["mean"]) == (3, found["baseline"], 1.0)
    assert [each["claim"] for each in found["claims"]] == [each.sentence for each in STUDIES["batch_norm"].claims]
    assert {each["verdict"] for each in found["claims"]} <= {"supported", "opposite", "smaller", "inconclusive"}
    assert found["interaction"] is None
    documented = Path(__file__).parents[2].joinpath("docs", "json.md").read_text().partition("## `litmus report")[2]
    nested = {key for name in ("arms", "effects", "claims") for key in found[name][0]}
    assert [key for key in (*found, *nested) if f"`{key}`" not in documented and key != "format"] == []
