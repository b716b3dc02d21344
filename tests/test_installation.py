"""One package is installed, `litmus`; a project that has folders with the names of ours works with it."""

import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STUDY = '''\
"""Does a wider layer help?"""

from datamodules import LEVELS  # the project's own folder

import litmus
import studies
from litmus import Study

assert litmus.datamodules.names() and litmus.lit_archs.names()
assert studies.IS_OURS

study = Study(
    base={"model.name": "mlp", "data.name": "digits", "trainer.epochs": 1},
    factors={"model.width": LEVELS},
    baseline={"model.width": LEVELS[0]},
    seeds=1,
)

if __name__ == "__main__":
    study.main()
'''


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what git tracks, since building writes into the folder that is built."""
    copy = tmp_path_factory.mktemp("checkout")
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in tracked.stdout.splitlines():
        if (ROOT / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def built(checkout: Path, kind: str, into: Path) -> Path:
    """Build the wheel, or the editable one, in another process, and return its file."""
    code = f"import sys; from setuptools.build_meta import build_{kind}; build_{kind}(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(into)], cwd=checkout, capture_output=True, check=True, timeout=120)
    [wheel] = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, as pip would build it without an isolated environment."""
    return built(checkout, "wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that has folders with our folders' names, and a study which imports from them."""
    for name, content in {"datamodules": "LEVELS = [4, 8]", "studies": "IS_OURS = True", "lit_archs": ""}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"{content}\n")
    (tmp_path / "mine.py").write_text(STUDY)
    return tmp_path


def test_the_wheel_has_every_file_of_the_packages_once_and_nothing_else(wheel: Path, checkout: Path) -> None:
    tops = {"litmus": "litmus", **{name: f"litmus/{name}" for name in ("lit_archs", "datamodules", "studies")}}
    expected = {
        f"{inside}/{file.relative_to(checkout / folder).as_posix()}"
        for folder, inside in tops.items()
        for file in (checkout / folder).rglob("*")
        if file.is_file() and not any(parent.is_symlink() for parent in file.parents)
    }
    files = Counter(name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name)
    assert set(files) == expected
    assert set(files.values()) == {1}
    assert {Path(name).suffix for name in files} >= {".py", ".html", ".css", ".js", ".csv", ".json", ".typed"}


def in_project(command: list[str], project: Path, path: Path, environment: dict[str, str]) -> str:
    """Run a command in the project's folder, with `path` as what is installed, and return all that it printed."""
    done = subprocess.run(
        command, cwd=project, env={**environment, "PYTHONPATH": str(path)}, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["wheel", "editable"])
def test_an_installation_finds_the_packages_alone(
    kind: str,
    wheel: Path,
    checkout: Path,
    project: Path,
    environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    site = tmp_path_factory.mktemp(kind)
    file = wheel if kind == "wheel" else built(checkout, kind, site)
    zipfile.ZipFile(file).extractall(site)
    code = (
        f"import sys, site; sys.path.append(''); site.addsitedir({str(site)!r})\n"
        "from importlib.util import find_spec\n"
        "names = 'datamodules', 'litmus', 'litmus.lit_archs.vgg', 'litmus.datamodules', 'litmus.studies.batch_norm'\n"
        "for name in names: print(find_spec(name).origin)\n"
        f"assert {str(checkout)!r} not in sys.path\n"
    )
    # Nothing but the installation leads to the package.
    isolated = [sys.executable, "-I", "-S", "-c"]
    theirs, *ours = in_project([*isolated, code], project, site, environment).splitlines()
    assert Path(theirs).resolve() == project / "datamodules" / "__init__.py"
    assert all(Path(file).resolve().is_relative_to(site if kind == "wheel" else checkout) for file in ours)


@pytest.mark.slow
def test_a_project_with_the_same_folders_runs_studies_by_path_as_a_script_and_as_a_module(
    wheel: Path, project: Path, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    installed = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", str(installed)]
    subprocess.run([*pip, str(wheel)], capture_output=True, check=True, timeout=120)
    first = in_project([str(installed / "bin" / "litmus"), "run", "./mine.py"], project, installed, environment)
    assert "finished width" in first
    again = in_project([sys.executable, "mine.py"], project, installed, environment)
    assert "report: runs/mine/report.html" in again
    assert "finished width" not in again  # the same runs, whichever way
    module = [sys.executable, "-m", "litmus.studies.batch_norm", "--launcher", "slurm", "--dry-run"]
    assert "runs/batch_norm" in in_project(module, project, installed, environment)
