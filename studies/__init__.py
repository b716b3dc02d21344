"""Controlled ablation studies: run one by name, read its records back, list them all."""

from studies.engine.load import load
from studies.engine.session import names, run

__all__ = ["load", "names", "run"]
