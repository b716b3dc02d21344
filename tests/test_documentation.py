"""The pages that are made of the code are current, and the README's code does what it says."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import litmus
from docs.pages import FOLDER, PAGES
from litmus.design.study_files import STUDIES

README = (FOLDER.parent / "README.md").read_text()
OWN_TASK = (FOLDER / "own_task.md").read_text()
PACKAGES = ("litmus", "lit_archs", "datamodules", "studies", "tests")
SOURCES = [file for package in PACKAGES for file in (FOLDER.parent / package).rglob("*.py")]
Litmus = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize("page", PAGES)
def test_a_page_made_of_the_code_is_current(page: str) -> None:
    assert (FOLDER / page).read_text() == PAGES[page](), "python docs/pages.py writes it anew"


def block(beginning: str, page: str = README) -> str:
    """Return the Python code of a page, the README by default, that begins so."""
    (found,) = (code for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL) if code.startswith(beginning))
    return found


def executed(code: str, folder: Path) -> str:
    """Run code in a folder and return what it printed."""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_readmes_trainer_trains(tmp_path: Path) -> None:
    out = executed(block("import lightning"), tmp_path)
    assert out.startswith("digits: 1,293 training, 144 validation and 360 test images, 1×8×8, 10 classes;")
    accuracy = re.search(r"test_top1 +│ +([0-9.]+)", out)
    assert accuracy is not None
    assert float(accuracy.group(1)) > 0.8
    assert list((tmp_path / "logs").rglob("metrics.csv"))


@pytest.mark.slow
def test_the_readmes_study_runs_by_its_path(tmp_path: Path, litmus: Litmus) -> None:
    (tmp_path / "dropout_and_norm.py").write_text(block('"""Does dropout still help'))
    result = litmus("run", "./dropout_and_norm.py", "--seeds", "1", "--trainer.epochs", "1")
    assert result.returncode == 0, result.stderr
    report = (tmp_path / "runs/dropout_and_norm/report.html").read_text()
    assert "Does dropout still help once there is batch norm?" in report
    assert "LeNet-5 on scikit-learn&#39;s digits. paper: the same on MNIST." in report
    assert "Ioffe &amp; Szegedy 2015, Batch Normalization (arXiv 1502.03167), section 4.2.1" in report


@pytest.mark.parametrize(
    ("name", "page", "beginning"),
    [
        ("gate", README, '"""Does a gate'),
        ("stripes", README, '"""Does batch norm help on my'),
        ("code_width", OWN_TASK, '"""Does a wider code reconstruct'),
    ],
)
def test_a_network_and_a_task_of_ones_own_run_as_the_pages_show_them(
    tmp_path: Path, name: str, page: str, beginning: str
) -> None:
    (tmp_path / f"{name}.py").write_text(block(beginning, page))
    result = litmus.run(
        tmp_path / f"{name}.py", seeds=1, settings={"trainer.epochs": 1}, out=tmp_path / "runs", wandb="disabled"
    )
    assert not result.crashed
    assert "those that arms share start equal" in result.report.read_text() or name == "code_width"


@pytest.mark.slow
def test_the_notebook_goes_from_images_to_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = nbformat.read(FOLDER / "own_model.ipynb", as_version=4)
    # Five seeds are for the reader; one goes through the same cells.
    for cell in notebook.cells:
        cell.source = cell.source.replace("seeds=5", "seeds=2").replace('"trainer.epochs": 12', '"trainer.epochs": 2')
    root = str(FOLDER.parent)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))))
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert (tmp_path / "runs/gate/report.html").is_file()
    shares = notebook.cells[-1].outputs[-1]["data"]["text/plain"]
    assert sum(map(float, re.findall(r": ([0-9.]+)", shares))) == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
def test_the_readmes_calls_from_python_do_what_they_say(tmp_path: Path) -> None:
    code = block("import litmus\nfrom litmus import datamodules").replace("seeds=3", 'seeds=1, wandb="disabled"')
    executed(
        code + "\nassert len(records) == 12 and len(result.records) == 12\nassert len(data.train_indices) > 1000",
        tmp_path,
    )


def test_what_the_readme_names_is_there() -> None:
    for path in re.findall(r"`((?:tests|docs|benchmarks|studies|litmus)/[\w/.]+)`", README):
        assert (FOLDER.parent / path).exists(), path
    for path in re.findall(r"\]\(([\w/.]+)\)", README):
        assert (FOLDER.parent / path).exists(), path
    for name in re.findall(r"litmus (?:run|status|report|power) (\w+)\b(?!/)", README):
        assert name in STUDIES or name == "STUDY", name


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/architecture.md"])
def test_the_files_that_a_page_speaks_of_are_there(page: str) -> None:
    root = FOLDER.parent
    text = (root / page).read_text()
    for path in re.findall(r"`([\w/]+\.py)`", text):
        # A page names a file by its place in the repository or in `studies`, or by its name alone beside another.
        assert (root / path).exists() or any(file.as_posix().endswith(f"/{path}") for file in SOURCES), path
    for link in re.findall(r"\]\(([\w/.]+)\)", text):
        assert ((root / page).parent / link).exists(), link
    for name in re.findall(r"`([A-Z]\w*[a-z]\w*|[A-Z]+_[A-Z]+|_[A-Z]+)`", text):
        assert any(re.search(rf"\b{name}\b", file.read_text()) for file in SOURCES), name
