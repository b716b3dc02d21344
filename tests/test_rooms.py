"""Folders import one way, modules in no circle, and the drawing of them is current."""

import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from docs import rooms

MODULES = rooms.modules()


def test_every_folder_has_its_place() -> None:
    assert rooms.imports_of_folders().keys() - rooms.may_import().keys() == set(), "name it in docs/rooms.py"


def test_folders_import_only_those_below_them() -> None:
    allowed = rooms.may_import()
    upward = {
        f"{module} imports {target}"
        for module, targets in rooms.imports_of_modules().items()
        for target in targets
        if rooms.folder_of(target) not in allowed[rooms.folder_of(module)] | {rooms.folder_of(module)}
    }
    assert upward == set()


def test_no_modules_import_each_other_in_a_circle() -> None:
    # Raises CycleError, which names them.
    assert len(list(TopologicalSorter(rooms.imports_of_modules()).static_order())) == len(MODULES)


def test_networks_and_data_know_nothing_of_each_other_or_of_studies() -> None:
    for module, targets in rooms.imports_of_modules().items():
        package = module.partition(".")[0]
        if package != "studies":
            assert {target.partition(".")[0] for target in targets} <= {package, "litmus"}, module


def test_the_drawing_is_current() -> None:
    assert rooms.PICTURE.read_text() == rooms.draw(), "python docs/rooms.py draws it anew"


READING = [
    name
    for name in sorted(MODULES)
    if name.startswith(("litmus.studies.records", "litmus.studies.evidence", "litmus.studies.report"))
    or name == "litmus"
]


@pytest.mark.parametrize(
    "package", ["litmus.studies.records", "litmus.studies.evidence", "litmus.studies.report", "litmus"]
)
def test_what_reads_and_declares_needs_neither_torch_nor_lightning(package: str) -> None:
    names = [name for name in READING if name.startswith(package)]
    assert names
    code = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
    code += "print([name for name in ('torch', 'lightning', 'torchvision', 'wandb') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert result.stdout.strip() == "[]", result.stderr
