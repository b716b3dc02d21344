"""The results in other formats, with names that a format would take for markup."""

import csv
import io
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pandas as pd
import pytest
from hostile_names import ARABIC, FORMULA, HOSTILE, LATEX, PIPES, SCRIPT
from synthetic_records import Truth, synthetic

from litmus import Study
from litmus.design.plan import Arm
from litmus.design.study_files import STUDIES
from litmus.evidence.summary import StudySummary, summarise
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
    pictures = [path for path in files.values() if path.suffix in (".svg", ".png")]
    assert len(pictures) == 2 * 3
    for path in pictures:
        if path.suffix == ".svg":
            assert ElementTree.parse(path).getroot().tag.endswith("svg")
        else:
            assert path.read_bytes().startswith(b"\x89PNG")
    assert "optim.lr" in (tmp_path / "export" / "test-accuracy-over-optim-lr.svg").read_text()
    assert "mathdefault" not in (tmp_path / "export" / "training-loss.svg").read_text()
    frame = pd.read_csv(files["results.csv"])
    assert len(frame) == 24
    assert set(frame["model.norm"]) == {"none", "batch"}
    table = files["results.tex"].read_text().partition(r"\midrule")[2]
    assert "$-$" in table  # and no negative number with a hyphen
    assert not re.search(r"(?<!\$)-\d", table)
    methods = files["methods.txt"].read_text()
    for part in ("12 configurations", "2 random seeds", "Holm", "95 % intervals", "evaluated once on the test set"):
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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("lualatex") is None, reason="needs lualatex, with booktabs")
def test_latex_compiles_whatever_the_names(hostile: StudySummary, tmp_path: Path) -> None:
    [path] = write_exports(hostile, None, ["latex"])
    document = rf"\documentclass{{article}}\usepackage{{booktabs}}\begin{{document}}\input{{{path}}}\end{{document}}"
    (tmp_path / "paper.tex").write_text(document)
    command = ["lualatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    compiled = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert compiled.returncode == 0, compiled.stdout
    assert (tmp_path / "paper.pdf").stat().st_size > 5000


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
