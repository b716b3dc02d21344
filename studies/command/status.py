"""`litmus status`: how far the studies on disk are, and the jobs that are at them."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from litmus.duration import roughly
from litmus.errors import UserError, unknown_name
from studies.command.base.options import Parser, records_key
from studies.records import slurm
from studies.records.code_use import code_use
from studies.records.disk_use import disk_use
from studies.records.run_record import RunRecord, run_records
from studies.records.storage import CorruptRecord
from studies.records.study_jobs import StudyJobs
from studies.records.study_record import FILE, read_study_record

COLUMNS = ("finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not started", "older code")
WATCH_SECONDS = 2.0
LAST_RUNS = 20


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("status", "How far the studies on disk are.")
    parser.add_argument("study", nargs="?", default=None, help="one study, arm by arm (default: all studies)")
    parser.add_argument("--watch", action="store_true", help="look again every few seconds until nothing is at work")
    parser.add_key(records_key())
    options = parser.read(arguments)
    out, console = Path(options.out), Console(highlight=False)
    shown, at_work = _overview(out, options.study)
    if not options.watch:
        console.print(shown)
        return 0
    with Live(shown, console=console, auto_refresh=False) as live:
        while at_work:
            time.sleep(WATCH_SECONDS)
            shown, at_work = _overview(out, options.study)
            live.update(shown, refresh=True)
    return 0


def _overview(out: Path, study: str | None) -> tuple[Group, bool]:
    """Return what is shown, and whether anything is at work: a run, or a job that waits or runs."""
    sentences: list[str] = []
    if study is None:
        directories = studies_in(out)
        rows = [(path.name, _states_of_study(path)) for path in directories]
    else:
        directory = find_study(study, out)
        directories, record = [directory], read_study_record(directory)
        code = code_use(directory, record)
        sentences = code.sentences()
        rows = [(arm.label, _states(directory, arm.runs.values(), code.left_out_of(arm.label))) for arm in record.arms]
        if record.tuning is not None:
            rows.append(("(trials of the tuning)", _states(directory, record.tuning.runs())))
    used = [state for state in COLUMNS if any(states[state] for _, states in rows)]
    table = Table("arm" if study else "study", *used, box=None, padding=(0, 2, 0, 0))
    for name, states in rows:
        table.add_row(name, *(str(states[state] or "") for state in used))
    jobs = {path.name: StudyJobs(path).submitted() for path in directories}
    lines, alive = _jobs(jobs) if any(jobs.values()) else ([], False)
    if study is not None:
        left = time_left(directories[0], sum((states for _, states in rows), Counter()))
        lines += [f"time left: about {left}"] if left else []
        lines.append(f"size: {disk_use(directories[0])} on disk")
    told = [*sentences, *lines]
    return Group(table, *(Text(line) for line in told)), alive or any(states["running"] for _, states in rows)


def _jobs(submitted: Mapping[str, Sequence[str]]) -> tuple[list[str], bool]:
    """Return a line for each study that has jobs in the queue, and whether there is one."""
    if not slurm.is_available():
        return ["jobs: SLURM is not reached from this machine"], False
    try:
        tasks = slurm.tasks([job for jobs in submitted.values() for job in jobs])
    except UserError as error:
        return [f"jobs: {error}"], True
    lines = []
    for study, jobs in submitted.items():
        own = [task for task in tasks if task.job in jobs]
        if own:
            before = "jobs" if len(submitted) == 1 else f"jobs of {study}"
            lines.append(f"{before}: {_in_words(own)}")
    return lines, bool(tasks)


def _in_words(tasks: Sequence[slurm.Task]) -> str:
    """Return what tasks do, those alike together: `2 running, 3:59:12 left, 1 queued (Resources)`."""
    alike: dict[str, list[slurm.Task]] = {}
    for task in tasks:
        alike.setdefault(_doing(task), []).append(task)
    parts = []
    for doing, those in alike.items():
        left = f", {min(task.left for task in those)} left" if doing == "running" else ""
        parts.append(f"{len(those)} {doing}{left}")
    return "; ".join(parts)


def _doing(task: slurm.Task) -> str:
    if task.state == "pending":
        # It had begun and gave way: to another job, to its time limit, or since it failed.
        waiting = "requeued" if task.restarts else "queued"
        reason = task.reason.strip("()")
        return f"{waiting} ({reason})" if reason not in ("", "None") else waiting
    return task.state


def time_left(directory: Path, states: Mapping[str, int]) -> str:
    """Return how long a study takes that goes on as it does, in words; empty where nothing is at work, or known.

    By what the runs took that finished last, and how many are at work now.
    """
    left = states["running"] + states["interrupted"] + states["not started"]
    if not states["running"] or not states["finished"]:
        return ""
    took: list[tuple[float, float]] = []
    for record in run_records(directory):
        with contextlib.suppress(CorruptRecord):
            status = record.read_status()
            if status.get("state") == "finished":
                took.append((status["updated"], status["updated"] - status["started"]))
    last = [seconds for _, seconds in sorted(took)[-LAST_RUNS:]]
    # Those at work are, on average, half-way through.
    return roughly((left - states["running"] / 2) * sum(last) / len(last) / states["running"]) if last else ""


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
