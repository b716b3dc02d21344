"""Controlled ablation studies: `run` one by name, `load` its records, list their `names`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.command.python import names, run
    from studies.records.frames import load

__all__ = ["load", "names", "run"]


def __getattr__(name: str) -> Any:
    # PyTorch takes seconds to import; the command line starts, and can be interrupted, before it does.
    if name == "load":
        from studies.records.frames import load

        return load
    if name in ("names", "run"):
        from studies.command import python as session

        return getattr(session, name)
    raise AttributeError(f"module 'studies' has no attribute {name!r}")
