"""The pages of results are of the studies as they are now, and say what the records say that they were made of."""

import json
import re
import shutil
import xml.etree.ElementTree
from pathlib import Path

import pytest
from synthetic_records import Truth, synthetic

from docs import results
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.report.exports import markdown
from litmus.report.page import unbroken

WRITTEN = results.FOLDER
PAGES = sorted(path.stem for path in WRITTEN.glob("*.md") if path.stem != "README")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the folder of results, which the script writes into."""
    copied = Path(shutil.copytree(WRITTEN, tmp_path / "results"))
    monkeypatch.setattr(results, "FOLDER", copied)
    monkeypatch.setattr(results, "TABLE", copied / "table.json")
    return copied


def test_a_page_answers_what_its_study_asks_now() -> None:
    for name in PAGES:
        scale, page = results.scale_of(name), (WRITTEN / f"{name}.md").read_text()
        study = STUDIES[scale.study].at(scale.settings["preset"])
        assert page.startswith(f"# {markdown(study.question)}\n"), name
        table = page.partition("| claim | verdict |")[2].partition("\n\n")[0]
        claims = [line.split(" | ")[0].removeprefix("| ") for line in table.splitlines()[2:]]
        stated = [unbroken(markdown(claim.sentence)) for claim in study.claims]
        assert claims == stated, f"python docs/results.py RUNS {name}"
    assert set(json.loads(results.TABLE.read_text())) == set(PAGES) >= set(results.texts("discussion"))
    assert {results.scale_of(page).study for page in results.texts("scales")} <= set(STUDIES.names())


def test_the_table_is_current(folder: Path) -> None:
    results.write_table()
    assert (folder / "README.md").read_text() == (WRITTEN / "README.md").read_text(), "docs/results.py --only-write"


def test_each_study_is_in_one_group(folder: Path) -> None:
    groups = (folder / "groups.yaml").read_text()
    (folder / "groups.yaml").write_text(groups.replace("  - lesion\n", ""))
    with pytest.raises(SystemExit, match=r"look at lesion$"):
        results.write_table()


def test_a_page_is_made_of_the_records(folder: Path) -> None:
    def truth(arm: Arm, seed: int) -> Truth:
        end = 0.5 + (arm.levels["model.norm"] == "batch") * (0.3 + 0.01 * (seed % 2))
        return {"test_top1": end, "val_top1": end, "curve": [{"step": 1, "val_top1": end}]}

    synthetic(folder / "runs", STUDIES["batch_norm"], truth, seeds=4)
    (folder / "discussion.yaml").write_text("batch_norm: It is as the paper has it.")
    results.write(
        "batch_norm",
        folder / "runs",
        results.Scale("batch_norm", ("--seeds", "4", "--data.root", "DATA"), "some digits"),
    )
    results.write_table()
    page, table = (folder / "batch_norm.md").read_text(), (folder / "README.md").read_text()
    assert "](batch_norm.md)\n\n" in table
    assert "`batch_norm` · 10 arms, 4 seeds · quick, some digits" in table
    assert "`litmus run batch_norm --seeds 4 --data.root DATA`: 10 arms, 4 seeds; 40 runs finished;" in page
    assert "| Batch norm reaches a higher accuracy. | supported | +30.67 " in page
    assert " Data: some digits (" in page
    assert "**Discussion.** It is as the paper has it." in page
    drawings = re.findall(r"\]\((pictures/.*?)\)", page)
    assert [Path(drawing).stem for drawing in drawings] == [
        "batch_norm-claims",
        "batch_norm-figure",
        "batch_norm-curves",
    ]
    for drawing in drawings:
        tree = xml.etree.ElementTree.parse(folder / drawing)
        assert "prefers-color-scheme:dark" in "".join(tree.getroot().itertext())
        assert ">0.03<" in (folder / drawing).read_text() or "figure" not in drawing  # numbers in texts are not rounded
    with pytest.raises(SystemExit, match=r"was run with .*, and docs/results/scales.yaml says .*'data.name': 'mnist'"):
        results.write("batch_norm", folder / "runs", results.Scale("batch_norm", ("--data", "mnist")))
