"""Controlled ablation studies: `run` one by name, `load` its records, list their `names`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.engine.load import load
    from studies.engine.session import names, run

__all__ = ["load", "names", "run"]


def __getattr__(name: str) -> Any:
    # PyTorch takes seconds to import; the command line starts, and can be interrupted, before it does.
    if name == "load":
        from studies.engine.load import load

        return load
    if name in ("names", "run"):
        from studies.engine import session

        return getattr(session, name)
    raise AttributeError(f"module 'studies' has no attribute {name!r}")
