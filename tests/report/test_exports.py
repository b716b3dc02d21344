"""The results in other formats, with names that a format would take for markup."""

import csv
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from hostile_names import ARABIC, FORMULA, HOSTILE, LATEX, PIPES, SCRIPT
from synthetic_records import Truth, synthetic

from litmus import Study
from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.evidence.datasets import joint_effect
from litmus.evidence.differences import difference
from litmus.evidence.results import analyse
from litmus.evidence.summary import StudySummary, summarise
from litmus.report.datasets import write_joint_exports
from litmus.report.exports import FORMATS, latex, markdown, write_exports


def ends(arm: Arm, seed: int) -> Truth:
    end = 0.8 + 0.01 * seed + 0.05 * float(arm.levels["optim.lr"])
    curve = [{"step": 10 * step, "val_top1": end * step / 5, "train_loss": 1 / step} for step in range(1, 6)]
    return {"test_top1": end, "val_top1": end, "curve": curve}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> StudySummary:
    """A study whose arms have hostile names."""
    arms = {name: {"optim.lr": 0.1 * (index + 1)} for index, name in enumerate(HOSTILE)}
    base = {"model.name": "mlp", "data.name": "digits"}
    study = Study("hostile", f"Which? {PIPES}", base, ["optim.lr"], SCRIPT, arms=arms)
    directory = tmp_path_factory.mktemp("exports") / "hostile"
    synthetic(directory, study, ends, seeds=3)
    return summarise(directory)


def test_every_format_is_written(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    synthetic(tmp_path, STUDIES["batch_norm"], ends, seeds=2)
    study = STUDIES["batch_norm"]
    found = summarise(tmp_path, study.claims)
    files = {path.name: path for path in write_exports(found, study, list(FORMATS))}
    assert {"results.md", "results.tex", "results.csv", "methods.txt"} <= files.keys()
    pictures = [path for path in files.values() if path.suffix in (".svg", ".png", ".pdf")]
    assert len(pictures) == 3 * 4
    assert {path.suffix for path in pictures if path.stem == "forest"} == {".svg", ".png", ".pdf"}
    for path in pictures:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            assert path.read_bytes().startswith(b"%PDF" if path.suffix == ".pdf" else b"\x89PNG")
    assert "learning rate" in (tmp_path / "export" / "test-accuracy-by-learning-rate.svg").read_text()
    assert "mathdefault" not in (tmp_path / "export" / "training-loss.svg").read_text()
    frame = pd.read_csv(files["results.csv"])
    assert len(frame) == 20
    assert set(frame["model.norm"]) == {"none", "batch"}
    table = files["results.tex"].read_text().partition(r"\midrule")[2]
    assert "$-$" in table  # and no negative number with a hyphen
    assert not re.search(r"(?<!\$)-\d", table)
    methods = files["methods.txt"].read_text()
    for part in ("10 configurations", "2 random seeds", "Holm", "95 % intervals", "evaluated once on the test set"):
        assert part in methods


def test_markdown_shows_names_as_they_are(hostile: StudySummary) -> None:
    [path] = write_exports(hostile, None, ["markdown"])
    text = path.read_text()
    assert "<script>" not in text.replace("\\<script\\>", "")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1  # no name adds a column
    assert not re.search(r"(?<!\\)\]\(http", text)
    assert "\u202e" not in text
    assert "تسوية" in text
    assert markdown("a\nb") == "a b"


def test_latex_sets_names_as_they_are(hostile: StudySummary) -> None:
    [path] = write_exports(hostile, None, ["latex"])
    text = path.read_text()
    assert r"\input{" not in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    assert len(rows) == 1 + len(HOSTILE)
    for line in rows:
        braces = re.sub(r"\\[{}]", "", line)
        assert braces.count("{") == braces.count("}")
    assert latex(LATEX) == (
        r"100 \% of \textbackslash{}input\{/etc/passwd\} \& \{x\}\_1 \textasciitilde{} \#2 \textasciicircum{}"
    )
    assert latex("[x]") == "{}[x]"


def compiled(engine: str, directory: Path, files: Sequence[Path]) -> str:
    """Return the log of a document with these tables; assert that it compiles and that no table is too wide."""
    tables = "".join(rf"\input{{{path}}}" for path in files)
    document = rf"\documentclass{{article}}\usepackage{{booktabs,graphicx}}\begin{{document}}{tables}\end{{document}}"
    (directory / "paper.tex").write_text(document)
    command = [engine, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    ended = subprocess.run(command, cwd=directory, capture_output=True, text=True, errors="replace", timeout=120)
    assert ended.returncode == 0, ended.stdout
    assert (directory / "paper.pdf").stat().st_size > 5000
    return (directory / "paper.log").read_text(errors="replace")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("lualatex") is None, reason="needs lualatex, with booktabs")
def test_latex_compiles_whatever_the_names(hostile: StudySummary, tmp_path: Path) -> None:
    compiled("lualatex", tmp_path, write_exports(hostile, None, ["latex"]))


NAMES = ["plain", "100 % of #1 & $x_2$ {braces}", r"back\slash ~ ^ <a|b> \"quoted\"", "[bracket", "±2 × 10² ≥ α – β"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs pdflatex, with booktabs")
def test_latex_compiles_in_a_paper(tmp_path: Path) -> None:
    arms = {name: {"optim.lr": 0.1 * (index + 1)} for index, name in enumerate(NAMES)}
    study = Study("a_b", "What of 5 % & $x$?", {"model.name": "mlp", "data.name": "digits"}, ["optim.lr"], arms=arms)
    folders = {name: tmp_path / f"a_b.{name}" for name in ("digits", "shapes")}
    for shift, folder in enumerate(folders.values()):
        synthetic(folder, study, lambda arm, seed, shift=shift: ends(arm, seed + shift), seeds=3)
    [costs] = write_exports(summarise(folders["digits"]), None, ["latex"], costs=True)
    (tmp_path / "a_b.datasets").mkdir()
    [joint] = write_joint_exports(tmp_path / "a_b.datasets", {k: analyse(f) for k, f in folders.items()}, ["latex"])
    log = compiled("pdflatex", tmp_path, [costs, joint])
    assert "Overfull" not in log
    assert "Missing character" not in log
    assert r"\newlabel{tab:a-b.digits}" in (tmp_path / "paper.aux").read_text()


def test_the_caption_describes_the_table_and_has_no_verdict(tmp_path: Path) -> None:
    study = STUDIES["batch_norm"]
    synthetic(tmp_path / "bn", study, ends, seeds=3)
    found = summarise(tmp_path / "bn", study.claims)
    [path] = write_exports(found, study, ["latex"])
    caption = path.read_text().partition("\\caption{")[2].partition("\n")[0]
    assert caption.startswith(study.question)
    assert "the mean over 3 seeds with its 95 \\% interval, and the difference to the baseline;" in caption
    for word in ("supported", "inconclusive", "best on", "helps"):
        assert word not in caption
    plain = path.read_text()
    assert "\\label{tab:bn}" in plain
    assert "parameters" not in plain
    [path] = write_exports(found, study, ["latex"], costs=True)
    assert (
        "arm & parameters & FLOPs & test accuracy, \\% [95 \\%] & to the baseline, points [95 \\%] & p, Holm"
        in path.read_text()
    )
    assert " & 10 & 20 & " in path.read_text()


def test_several_datasets_are_a_table_of_arms_with_the_joint_difference(tmp_path: Path) -> None:
    study = Study("two", "Does it?", {"model.name": "mlp"}, {"model.norm": ["none", "batch", "layer"]})
    gains = {"one": {"norm batch": 0.10, "norm layer": 0.0}, "two": {"norm batch": 0.11, "norm layer": 0.002}}
    noise = [0.001, -0.001, 0.002, -0.002]
    folders = {name: tmp_path / f"two.{name}" for name in gains}
    for name, folder in folders.items():

        def truth(arm: Arm, seed: int, of: dict[str, float] = gains[name]) -> Truth:
            value = 0.8 + of.get(arm.label, 0.0) + noise[seed] * (1 - 2 * arm.is_baseline)
            return {"test_top1": value, "val_top1": value}

        synthetic(folder, study, truth, seeds=4)
    analyses = {name: analyse(folder) for name, folder in folders.items()}
    together = tmp_path / "two.datasets"
    together.mkdir()
    files = {path.name: path for path in write_joint_exports(together, analyses, ["markdown", "latex", "csv"])}
    rows = [line.split(" | ") for line in files["results.md"].read_text().splitlines() if line.startswith("|")]
    assert rows[0] == ["| arm", "one, %", "two, %", r"together, points \[95 %\] |"]
    assert rows[2] == ["| norm none", "80.00", "80.00", "baseline |"]
    assert rows[3][:3] == ["| norm batch", "90.00 (+10.00)", "91.00 (+11.00)"]
    latex_rows = [line for line in files["results.tex"].read_text().splitlines() if line.startswith("    norm")]
    assert latex_rows[1].count(r"\textbf") >= 2  # on each dataset
    assert r"\textbf" not in latex_rows[2]
    frame = pd.read_csv(files["results.csv"])
    assert len(frame) == 2 * 3 + 2
    joint = joint_effect([difference(each, each.arms[1], "test_top1") for each in analyses.values()]).effect
    found = frame[(frame["dataset"] == "together") & (frame["arm"] == "norm batch")].iloc[0]
    assert found[["difference_mean", "difference_low", "difference_high"]].tolist() == pytest.approx(
        [joint.mean, joint.low, joint.high]
    )
    with pytest.raises(UserError, match=r"--export pdf: .* several datasets; valid for them: markdown, latex, csv"):
        write_joint_exports(together, analyses, ["pdf"])


def test_no_cell_of_a_spreadsheet_is_a_formula(hostile: StudySummary) -> None:
    [path] = write_exports(hostile, None, ["csv"])
    cells = [cell for row in csv.reader(io.StringIO(path.read_text())) for cell in row]
    texts = [cell for cell in cells if not re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", cell)]
    assert not [cell for cell in texts if cell.startswith(("=", "+", "-", "@"))]
    assert f"'{FORMULA}" in cells
    assert ARABIC in cells


def test_exports_stay_in_their_folder(hostile: StudySummary) -> None:
    pytest.importorskip("matplotlib")
    files = write_exports(hostile, None, ["svg"])
    assert {path.parent for path in files} == {hostile.analysis.directory / "export"}
    assert all(re.fullmatch(r"[a-z0-9-]+\.svg", path.name) for path in files)
    drawn = next(path for path in files if "validation" in path.name).read_text()
    assert "&lt;script&gt;" in drawn
    assert ElementTree.fromstring(drawn).tag.endswith("svg")
