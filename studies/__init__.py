"""Controlled ablation studies: `run` one by name, `load` its records, list their `names`; `Study` declares one."""

from typing import TYPE_CHECKING

from litmus.lazy import lazily

if TYPE_CHECKING:
    from studies.command.base.python import names, run
    from studies.design.study import Study
    from studies.inference.load_model import load_model
    from studies.records.frames import load, load_probes

__all__ = ["Study", "load", "load_model", "load_probes", "names", "run"]

__getattr__ = lazily(
    __name__,
    {
        "Study": "studies.design.study",
        "load": "studies.records.frames",
        "load_model": "studies.inference.load_model",
        "load_probes": "studies.records.frames",
        "names": "studies.command.base.python",
        "run": "studies.command.base.python",
    },
)
