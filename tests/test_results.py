"""The pages of results are of the studies as they are now, and say what the records say that they were made of."""

import json
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from docs import results
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.report.exports import markdown

PAGES = sorted(path.stem for path in results.FOLDER.glob("*.md") if path.stem != "README")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_answers_what_its_study_asks_now(name: str) -> None:
    study, page = STUDIES[name], (results.FOLDER / f"{name}.md").read_text()
    assert page.startswith(f"# {markdown(study.question)}\n")
    table = page.partition("| claim | verdict |")[2].partition("\n\n")[0]
    told = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
    assert told == [markdown(claim.sentence) for claim in study.claims], f"python docs/results.py RUNS {name}"


def test_what_is_said_beside_the_figures_is_of_studies_that_there_are() -> None:
    for name in ("scales", "discussion", "mended"):
        assert set(results.texts(name)) <= set(STUDIES.names())
    assert set(results.texts("discussion")) <= set(PAGES)


def test_the_table_is_current(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = (results.FOLDER / "README.md").read_text()
    assert set(json.loads(results.TABLE.read_text())) == set(PAGES)
    _into(tmp_path, monkeypatch)
    for name in ("table.json", "mended.yaml"):
        (tmp_path / name).write_text((Path(results.__file__).parent / "results" / name).read_text())
    results.write_table()
    assert (tmp_path / "README.md").read_text() == written, "python docs/results.py RUNS --only-write"


def test_a_page_is_made_of_the_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def truth(arm: Arm, seed: int) -> Truth:
        end = (
            0.5
            + 0.3 * (arm.levels["model.norm"] == "batch")
            + 0.01 * (seed % 2) * (arm.levels["model.norm"] == "batch")
        )
        return {"test_top1": end, "val_top1": end, "curve": [{"step": 1, "val_top1": end}]}

    synthetic(tmp_path / "runs", STUDIES["batch_norm"], truth, seeds=4)
    _into(tmp_path, monkeypatch)
    (tmp_path / "discussion.yaml").write_text("batch_norm: It is as the paper has it.")
    (tmp_path / "scales.yaml").write_text("batch_norm: {options: --seeds 4 --data.root DATA, data: half the digits}")
    (tmp_path / "mended.yaml").write_text("batch_norm: [It was wrong., It is right.]")
    results.write("batch_norm", tmp_path / "runs", results.scale_of("batch_norm"))
    results.write_table()
    page = (tmp_path / "batch_norm.md").read_text()
    assert "`litmus run batch_norm --seeds 4 --data.root DATA`: 12 arms, 4 seeds; 48 runs finished;" in page
    assert "| Batch norm reaches a higher accuracy. | supported | +30.67 " in page
    assert " Data: half the digits (" in page
    assert "**Beside the source.** It is as the paper has it." in page
    table = (tmp_path / "README.md").read_text()
    assert "| [batch_norm](batch_norm.md) | " in table
    assert "- **batch_norm.** In an earlier version: it was wrong. Now: It is right. *Supported: “Batch norm " in table
    assert "| residual_depth | " in table
    assert "not run yet" in table


def test_records_of_another_scale_make_no_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synthetic(tmp_path / "runs", STUDIES["batch_norm"], lambda arm, seed: {"test_top1": 0.5, "val_top1": 0.5}, seeds=2)
    _into(tmp_path, monkeypatch)
    with pytest.raises(SystemExit, match=r"was run with .*, and docs/results/scales.yaml says .*'data.name': 'mnist'"):
        results.write("batch_norm", tmp_path / "runs", results.Scale(("--data", "mnist", "--data.root", "DATA")))
    assert not (tmp_path / "batch_norm.md").exists()


def _into(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "FOLDER", folder)
    monkeypatch.setattr(results, "TABLE", folder / "table.json")
