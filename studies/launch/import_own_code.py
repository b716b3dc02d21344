"""Running the user's file in a process that executes its runs, if its code is still that of the runs."""

import sys
from pathlib import Path

from litmus.errors import UserError
from litmus.wording import listed
from studies.own_code.local_modules import LocalCode, local_code
from studies.records.code_record import changed_files
from studies.training.run import Run
from studies.training.run_code import files_of

_imported: dict[Path, LocalCode] = {}
"""The user's files that this process ran, as they were then."""


def import_own_code(run: Run) -> None:
    """Run the file that `run` comes from, once a process. Raises `UserError` where its code is not the run's any more.

    A run of the package's own needs nothing.
    """
    if run.source is None:
        return
    import_file(run.source)
    changed = changed_code(run, _imported[run.source])
    if changed:
        raise UserError(told_of_change(changed))


def import_file(source: Path) -> None:
    """Run a user's file, unless this process has, and remember the code of now."""
    if source in _imported:
        return
    if not _has_run(source):
        # Imported here because it brings pandas, which runs of the package's own studies never need.
        from studies.design.study_files import import_source

        import_source(source)
    _imported[source] = local_code(source)


def changed_code(run: Run, code: LocalCode | None = None) -> tuple[str, ...]:
    """Return the files by which `code` differs from the run's; by default as it is in this process, or else on disk."""
    if run.source is None or run.code is None:
        return ()
    try:
        code = code or _imported.get(run.source) or local_code(run.source)
    except FileNotFoundError:
        return (run.source.name,)
    return changed_files(run.code.files, files_of(run.config, code))


def told_of_change(changed: tuple[str, ...]) -> str:
    """Return what to say where files are not what they were when a run was planned."""
    return f"{listed(changed)} changed after the start; the same command goes on with the code of now"


def _has_run(source: Path) -> bool:
    """Whether a module of this process is of that file, be it the script that was started or what that imports.

    Run again under another name, it would register the same names twice.
    """
    files = [getattr(module, "__dict__", {}).get("__file__") for module in list(sys.modules.values())]
    same_name = [Path(file) for file in files if file is not None and Path(file).name == source.name]
    return any(file.resolve() == source.resolve() for file in same_name)
