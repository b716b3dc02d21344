"""`litmus status`: how far the studies on disk are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from litmus.errors import UserError, unknown_name
from studies.command.base.options import Parser, records_key
from studies.records.code_use import code_use
from studies.records.run_record import RunRecord
from studies.records.study_record import FILE, read_study_record

COLUMNS = ("finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not started", "older code")


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("status", "How far the studies on disk are.")
    parser.add_argument("study", nargs="?", default=None, help="one study, arm by arm (default: all studies)")
    parser.add_key(records_key())
    options = parser.read(arguments)
    directories = studies_in(Path(options.out))
    if options.study is None:
        rows = [(path.name, _states_of_study(path)) for path in directories]
    else:
        directory = find_study(options.study, Path(options.out))
        study = read_study_record(directory)
        code = code_use(directory, study)
        rows = [(arm.label, _states(directory, arm.runs.values(), code.left_out_of(arm.label))) for arm in study.arms]
        if study.tuning is not None:
            rows.append(("(trials of the tuning)", _states(directory, study.tuning.runs())))
    used = [state for state in COLUMNS if any(states[state] for _, states in rows)]
    table = Table("arm" if options.study else "study", *used, box=None, padding=(0, 2, 0, 0))
    for name, states in rows:
        table.add_row(name, *(str(states[state] or "") for state in used))
    console = Console(highlight=False)
    console.print(table)
    if options.study is not None:
        for sentence in code.sentences():
            console.print(sentence)
    return 0


def studies_in(out: Path) -> list[Path]:
    """Return the folders of the studies under `out`. Raises `UserError` where there are none."""
    found = sorted(path.parent for path in out.glob(f"*/{FILE}"))
    if not found:
        raise UserError(f"no studies in {out}; name another folder with --out, or start with litmus run batch_norm")
    return found


def find_study(name: str, out: Path) -> Path:
    """Return the folder of the study `name` under `out`. Raises `UserError` with those that are there."""
    by_name = {path.name: path for path in studies_in(out)}
    if name not in by_name:
        raise unknown_name(f"study in {out}", name, by_name)
    return by_name[name]


def _states_of_study(directory: Path) -> Counter[str]:
    study = read_study_record(directory)
    return _states(directory, study.arm_of_run(), len(code_use(directory, study).left_out))


def _states(directory: Path, runs: Iterable[str], older_code: int = 0) -> Counter[str]:
    records = [RunRecord(directory / run) for run in runs]
    states = Counter(record.state() if record.status_file.exists() else "not started" for record in records)
    return states + Counter({"older code": older_code})
