"""The file of the user's that registers what a study declared in Python is made of: workers run it, its code counts."""

import sys
from pathlib import Path

from datamodules.loading.registry import DATASETS
from lit_archs.building.registry import ARCHITECTURES
from litmus.errors import UserError
from litmus.registry import Registry
from studies.design.plan import Plan
from studies.own_code.local_modules import OURS, is_local, local_code
from studies.probes.base.probe import PROBES


def registering_file(plan: Plan) -> Path | None:
    """Return the file that registers the architectures, datasets and probes of a plan's arms, or imports what does.

    None where packages bring them all. Raises `UserError` where a cell of a notebook or a line at the prompt registers
    one, whose code neither workers nor records can see, and where no file has all.
    """
    found: dict[Path, str] = {}
    for arm in plan.arms:
        config = arm.config
        made_of: list[tuple[Registry, str]] = [(ARCHITECTURES, config.model["name"]), (DATASETS, config.data.name)]
        for registry, name in [*made_of, *((PROBES, probe) for probe in config.trainer.probes)]:
            module = registry.module_of(name)
            if module is None or module.partition(".")[0] in OURS:
                continue
            file = getattr(sys.modules.get(module), "__file__", None)
            if file is None:
                raise UserError(
                    f"{registry.kind} {name!r} is registered in a notebook or at the prompt, where workers cannot see "
                    "it and its code cannot be kept; write it into a file (%%writefile own.py) and import that"
                )
            if is_local(Path(file)):
                found[Path(file).resolve()] = f"{registry.kind} {name!r}"
    for file in found:
        if {path.resolve() for path in local_code(file).paths.values()} >= found.keys():
            return file
    if found:
        where = " and ".join(f"{file.name} ({what})" for file, what in found.items())
        raise UserError(f"none of {where} imports the others; import them all in one file, which registers one of them")
    return None
