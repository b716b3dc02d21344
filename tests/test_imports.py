"""Imports point one way: a folder imports those below it, modules import each other in no circle, readers no torch."""

import ast
import functools
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LAYERS = (
    ("litmus.core",),
    ("litmus.lit_archs", "litmus.datamodules"),
    ("litmus.records",),
    ("litmus.evidence", "litmus.probes"),
    ("litmus.training",),
    ("litmus.design",),
    ("litmus.report", "litmus.export"),
    ("litmus.launch",),
    ("litmus.cli", "litmus.api"),
)
"""The packages from the bottom up: each may import those of the rows above it in this table, and itself."""

EXCEPTIONS = {("litmus.design.study", "litmus.cli.main")}
"""`Study.main()` hands over to the command line."""


@functools.cache
def modules() -> dict[str, Path]:
    """Return every module of the packages, by the name under which it is installed."""
    found = {}
    for folder in ("litmus", "lit_archs", "datamodules"):
        for file in (ROOT / folder).rglob("*.py"):
            parts = file.relative_to(ROOT).with_suffix("").parts
            if parts[:2] in [("litmus", "lit_archs"), ("litmus", "datamodules"), ("litmus", "studies")]:
                continue  # a link to the folder at the top
            name = ".".join(parts).removesuffix(".__init__")
            found[name if folder == "litmus" else f"litmus.{name}"] = file
    return found


@functools.cache
def imports() -> dict[str, set[str]]:
    """Return which modules of the packages each module imports, anywhere in its code."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, file in known.items():
        targets = set()
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Import):
                targets |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                inside = {f"{node.module}.{alias.name}" for alias in node.names}
                targets |= (inside & known.keys()) or {node.module}
        found[name] = (targets & known.keys()) - {name, "litmus"}
    return found


def layer_of(module: str) -> int:
    """Return the row of `LAYERS` that a module belongs to."""
    for row, packages in enumerate(LAYERS):
        if any(module == package or module.startswith(f"{package}.") for package in packages):
            return row
    raise AssertionError(f"{module} belongs to no row of LAYERS")


def test_a_package_imports_only_those_below_it() -> None:
    upward = {
        (module, target)
        for module, targets in imports().items()
        for target in targets
        if module != "litmus" and layer_of(target) > layer_of(module)
    }
    assert upward == EXCEPTIONS


def test_networks_and_data_know_nothing_of_each_other() -> None:
    for one, other in (("litmus.lit_archs", "litmus.datamodules"), ("litmus.datamodules", "litmus.lit_archs")):
        of_one = [module for module in imports() if module.startswith(one)]
        assert not [module for module in of_one if any(target.startswith(other) for target in imports()[module])]


def test_no_modules_import_each_other_in_a_circle() -> None:
    inside = {
        module: {target for target in targets if (module, target) not in EXCEPTIONS}
        for module, targets in imports().items()
        if module != "litmus"
    }
    # Raises CycleError, which names them.
    assert len(list(TopologicalSorter(inside).static_order())) == len(modules()) - 1


@pytest.mark.parametrize("package", ["litmus.records", "litmus.evidence", "litmus.report", "litmus.design.study"])
def test_what_reads_and_declares_needs_neither_torch_nor_lightning(package: str) -> None:
    names = ["litmus", *(name for name in modules() if name.startswith(package))]
    code = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\n"
    code += "print([name for name in ('torch', 'lightning', 'torchvision', 'wandb') if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=100)
    assert result.stdout.strip() == "[]", result.stderr
