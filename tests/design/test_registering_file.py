"""A study declared in Python finds the file that registers what it is made of."""

import importlib
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from litmus.core.errors import UserError
from litmus.design.plan import expand, registering_file
from litmus.design.study import Study
from litmus.lit_archs.building.registry import ARCHITECTURES

NETWORK = '''\
from torch import nn

from litmus.lit_archs import register


@register("{name}")
def made(num_classes: int, in_channels: int, image_size: int) -> nn.Module:
    """A linear classifier."""
    return nn.Sequential(nn.Flatten(), nn.Linear(in_channels * image_size**2, num_classes))
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    monkeypatch.setattr(ARCHITECTURES, "_entries", {name: ARCHITECTURES[name] for name in ARCHITECTURES})
    monkeypatch.setattr(ARCHITECTURES, "_modules", {name: ARCHITECTURES.module_of(name) for name in ARCHITECTURES})
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def imported(folder: Path, module: str, text: str) -> Path:
    (folder / f"{module}.py").write_text(text)
    importlib.import_module(module)
    return (folder / f"{module}.py").resolve()


def file_for(*names: str) -> Path | None:
    base = {"init.scheme": "kaiming_normal"}
    study = Study("s", "?", base, factors={"model.name": names}, baseline={"model.name": names[0]})
    return registering_file(expand(study))


def test_it_is_the_file_that_registers_or_imports_all(folder: Path) -> None:
    one = imported(folder, "first_network", NETWORK.format(name="first"))
    assert file_for("lenet5", "mlp") is None
    assert file_for("lenet5", "first") == one
    two = imported(folder, "second_network", "import first_network\n" + NETWORK.format(name="second"))
    assert file_for("first", "second") == two
    imported(folder, "third_network", NETWORK.format(name="third"))
    with pytest.raises(UserError, match=r"first_network\.py .* and third_network\.py .* imports the others"):
        file_for("first", "third")


def test_a_notebooks_cell_is_told_that_its_code_cannot_be_seen(folder: Path) -> None:
    cell = types.ModuleType("a_cell")
    sys.modules["a_cell"] = cell
    exec(NETWORK.format(name="typed_in"), cell.__dict__)
    with pytest.raises(UserError, match=r"architecture 'typed_in' is registered in a notebook .*%%writefile"):
        file_for("lenet5", "typed_in")
