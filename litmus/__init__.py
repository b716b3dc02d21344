"""Controlled ablations of image networks: declare a `Study`, `run` it, `load` its records.

Names are imported when they are first used: PyTorch takes seconds to import, and reading records needs none of it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from litmus import datamodules, lit_archs
    from litmus.api import run
    from litmus.design.plots import Against, ByLayer, OverTraining, Percentiles, Plot, Scatter
    from litmus.design.study import Levels, Study
    from litmus.design.tuning import Range, Tuning
    from litmus.evidence.claim_tests import alike, exceeds, higher_limit, interaction, more, near, trend
    from litmus.evidence.claims import Claim
    from litmus.evidence.learning_curves import sooner
    from litmus.evidence.measures import DECADES, drift, gap, logarithm, measure, probed
    from litmus.evidence.results import ArmResult
    from litmus.evidence.units import NUMBER, POINTS, Unit
    from litmus.export.load_model import load_model
    from litmus.records.frames import load, load_probes
    from litmus.report.judge import judge
    from litmus.report.page import Result

_MODULES = {
    "litmus.api": ("run",),
    "litmus.design.plots": ("Against", "ByLayer", "OverTraining", "Percentiles", "Plot", "Scatter"),
    "litmus.design.study": ("Levels", "Study"),
    "litmus.design.tuning": ("Range", "Tuning"),
    "litmus.evidence.claim_tests": ("alike", "exceeds", "higher_limit", "interaction", "more", "near", "trend"),
    "litmus.evidence.claims": ("Claim",),
    "litmus.evidence.measures": ("DECADES", "drift", "gap", "logarithm", "measure", "probed"),
    "litmus.evidence.learning_curves": ("sooner",),
    "litmus.evidence.results": ("ArmResult",),
    "litmus.evidence.units": ("NUMBER", "POINTS", "Unit"),
    "litmus.export.load_model": ("load_model",),
    "litmus.records.frames": ("load", "load_probes"),
    "litmus.report.judge": ("judge",),
    "litmus.report.page": ("Result",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "DECADES",
    "NUMBER",
    "POINTS",
    "Against",
    "ArmResult",
    "ByLayer",
    "Claim",
    "Levels",
    "OverTraining",
    "Percentiles",
    "Plot",
    "Range",
    "Result",
    "Scatter",
    "Study",
    "Tuning",
    "Unit",
    "alike",
    "datamodules",
    "drift",
    "exceeds",
    "gap",
    "higher_limit",
    "interaction",
    "judge",
    "lit_archs",
    "load",
    "load_model",
    "load_probes",
    "logarithm",
    "measure",
    "more",
    "near",
    "probed",
    "run",
    "sooner",
    "trend",
]


def __getattr__(name: str) -> Any:
    if name in ("datamodules", "lit_archs"):
        return importlib.import_module(f"litmus.{name}")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'litmus' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULE_OF[name]), name)
