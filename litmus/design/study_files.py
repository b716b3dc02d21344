"""Studies by name, and by the path of a user's file, with whatever else that file registers."""

import os
import re
import sys
from pathlib import Path
from types import ModuleType

from litmus.core.errors import UserError
from litmus.core.formatting import listed
from litmus.core.registry import Registry
from litmus.core.source import import_source
from litmus.design.study import Study, require_study_name
from litmus.records.study_record import StudyRecord

_studies: dict[Path, Study] = {}


class _Studies(Registry[Study]):
    """The registry; a module's `study` is registered under the module's name."""

    def __init__(self) -> None:
        super().__init__("study", "litmus.studies")

    def register_from(self, name: str, module: ModuleType) -> None:
        """Register the study that a module declares, with the name and the docstring of its file."""
        study = getattr(module, "study", None)
        if isinstance(study, Study):
            module.study = study.declared_in(name, module.__doc__)  # type: ignore[attr-defined]
            self.add(name, module.study, module.__name__)


STUDIES = _Studies()
"""The package's studies by name, and those of the files that were loaded."""


def lookup_study(name: str | Path) -> tuple[Study, Path | None]:
    """Return the study of this name or in the file at this path, and the file where it is not the package's.

    Raises `UserError` where there is no such study, and where the file cannot be run.
    """
    if isinstance(name, Path) or name.endswith(".py") or os.sep in name or "/" in name:
        return load_study(name), Path(name).resolve()
    return STUDIES[name], None


def load_study(path: str | Path) -> Study:
    """Return the study that a file declares. Raises `UserError` where it has none, or cannot be run."""
    file = Path(path).resolve()
    if file not in _studies:
        module = import_source(path)
        declared = getattr(module, "study", None)
        if not isinstance(declared, Study):
            raise UserError(f"{path} declares no study; {_instead(path, module)}")
        study = declared.declared_in(file.stem, module.__doc__)
        require_study_name(study.name)
        STUDIES.add(study.name, study, module.__name__)
        _studies[file] = study
    return _studies[file]


def _instead(path: str | Path, module: ModuleType) -> str:
    """Return what to do with a file that declares no study: it may define networks."""
    declares = [name for name, each in vars(module).items() if isinstance(each, Study)]
    if declares:
        return f"its {declares[0]} is one, which has to be called study"
    if "torch" in sys.modules:
        from litmus.lit_archs.building.registry import defined_networks

        if networks := defined_networks(module):
            written = f"{path}:{networks[-1]}"
            return (
                f"it defines {listed(networks)}: litmus train --model {written} trains that, and litmus vary "
                f"--model {written} --vary KEY=A,B compares"
            )
    return "it needs study = Study(...)"


def study_of(record: StudyRecord) -> Study | None:
    """Return the study that was recorded, as its preset has it; None where its file is gone or there never was one.

    Raises `UserError` where the file is there and cannot be run.
    """
    if record.source is None:
        return STUDIES[record.study].at(record.preset) if record.study in STUDIES else None
    if not Path(record.source).is_file():
        return None
    if not re.search(rb"\bstudy\b", Path(record.source).read_bytes()):
        return None  # it defines networks or data, and the study was declared elsewhere
    if not isinstance(getattr(import_source(record.source), "study", None), Study):
        return None
    study = load_study(record.source)
    return study.at(record.preset) if study.name == record.study else None
