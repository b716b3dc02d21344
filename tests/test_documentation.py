"""The pages that are made of the code are current, and the README's code does what it says."""

import importlib.util
import os
import re
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

import litmus
from docs.pages import FOLDER, PAGES
from litmus.cli.main import COMMANDS
from litmus.cli.options import all_config_keys
from litmus.design.study_files import STUDIES

ROOT = FOLDER.parent
WRITTEN = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(FOLDER.glob("*.md"))]
PACKAGES = ("litmus", "lit_archs", "datamodules", "studies", "tests")
SOURCES = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_made_of_the_code_is_current(page: str) -> None:
    assert (FOLDER / page).read_text() == PAGES[page](), "python docs/pages.py writes it anew"


def block(beginning: str) -> str:
    """Return the Python code of the README or a page that begins so."""
    codes = [code for page in WRITTEN for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)]
    (found,) = (code for code in codes if code.startswith(beginning))
    return found


def test_the_trainer_of_the_documentation_trains(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(block("import lightning"), {})
    out = capsys.readouterr().out
    assert out.startswith("digits: 1,293 training, 144 validation and 360 test images, 1×8×8, 10 classes;")
    (accuracy,) = re.findall(r"test_top1 +│ +([0-9.]+)", out)
    assert float(accuracy) > 0.8
    assert list((tmp_path / "logs").rglob("metrics.csv"))


def test_the_worked_example_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", (FOLDER / "worked_example.md").read_text(), re.DOTALL
    )
    assert len(blocks) == 6
    names: dict[str, Any] = {}
    for code, printed in blocks:
        exec(code, names)
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("name", "beginning"),
    [
        pytest.param("dropout_and_norm", '"""Does dropout still help', marks=pytest.mark.slow),
        pytest.param("gelu", '"""Does GELU', marks=pytest.mark.slow),
        ("gate", '"""Does a gate'),
        ("stripes", '"""Does batch norm help on my'),
    ],
)
def test_the_studies_of_the_documentation_run_unchanged(tmp_path: Path, name: str, beginning: str) -> None:
    file = tmp_path / f"{name}.py"
    file.write_text(block(beginning))
    result = litmus.run(file, seeds=1, settings={"trainer.epochs": 1}, out=tmp_path / "runs", wandb="disabled")
    assert not result.crashed
    report = result.report.read_text()
    assert beginning.removeprefix('"""') in report
    assert "those that arms share start equal" in report or name == "dropout_and_norm"


@pytest.mark.slow
def test_the_notebook_goes_from_images_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(FOLDER / "own_model.ipynb", as_version=4)
    # Five seeds are for the reader; one goes through the same cells.
    for cell in notebook.cells:
        cell.source = cell.source.replace("seeds=5", "seeds=2").replace('"trainer.epochs": 12', '"trainer.epochs": 1')
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs/gate/report.html").is_file()
    probabilities = notebook.cells[-1].outputs[-1]["data"]["text/plain"]
    assert sum(map(float, re.findall(r": ([0-9.]+)", probabilities))) == pytest.approx(1.0, abs=0.01)


FAST = 'seeds=1, settings={"trainer.epochs": 1}, name="batch_norm", wandb="disabled"'


@pytest.mark.slow
def test_the_calls_from_python_do_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found: dict[str, Any] = {}
    exec(block("import litmus\nfrom litmus import datamodules").replace("seeds=3", FAST), found)
    assert len(found["records"]) == len(found["result"].records) == 10


@pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
def test_what_a_page_names_is_there(page: Path) -> None:
    text = page.read_text()
    for link, anchor in re.findall(r"\]\(([\w/.-]*)(?:#([\w-]+))?\)", text):
        if link.startswith("../../actions/"):
            continue  # GitHub's page of the repository's workflows
        target = page.parent / link if link else page
        assert target.exists(), link
        headings = re.findall(r"(?m)^#+ (.+)$", target.read_text()) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings], (
            anchor
        )
    # A page names a file by its place in the repository or in a package, or by its name alone beside another.
    for path in re.findall(r"`([\w/]+\.py|(?:tests|docs|benchmarks|studies|litmus)/[\w/.]+)`", text):
        assert (ROOT / path).exists() or any(file.as_posix().endswith(f"/{path}") for file in SOURCES), path
    for module in re.findall(r"-m ((?:litmus|benchmarks)\.[\w.]*\w)", text):
        assert importlib.util.find_spec(module), module
    for command, rest in re.findall(r"(?m)^litmus (\w+)([^#&\n]*)", text):
        known = {*COMMANDS[command].parser()._option_string_actions, *(f"--{key}" for key in all_config_keys())}
        assert set(re.findall(r"--[a-z][\w.-]*", rest)) <= known, (command, rest)
    for study in re.findall(r"litmus (?:run|power) (\w+)", text):
        assert study in STUDIES or study.isupper(), study


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_names_in_the_code_that_a_page_speaks_of_are_there(page: str) -> None:
    for name in re.findall(r"`([A-Z]\w*[a-z]\w*|[A-Z]+_[A-Z]+|_[A-Z]+)`", (ROOT / page).read_text()):
        assert any(re.search(rf"\b{name}\b", file.read_text()) for file in SOURCES), name
