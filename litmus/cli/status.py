"""`litmus status`: how far the studies on disk are, and the jobs that are at them."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from litmus.cli.options import Parser, records_key
from litmus.cli.terminal import JSON_HELP, aligned, print_json, wrapped
from litmus.core.errors import UserError, unknown_name
from litmus.core.formatting import duration, joined
from litmus.records import slurm
from litmus.records.code_use import code_use
from litmus.records.run_record import RunRecord, read_heartbeat, run_records
from litmus.records.storage import CorruptRecord, DiskUse, disk_use
from litmus.records.study_record import STUDY_FILE, StudyJobs, StudyRecord, read_study_record

COLUMNS = ("finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not started", "other code")
WATCH_SECONDS = 2.0
LAST_RUNS = 20


@dataclass(frozen=True)
class Overview:
    """What is told of studies: a row for each study or arm, what is at work, and what else a reader has to know.

    `record` is the study's where the rows are its arms.
    """

    record: StudyRecord | None
    rows: list[tuple[str, Counter[str]]]
    runs: list[tuple[str, int, RunRecord]]
    """The runs of the arms: each with its arm and seed; none where the rows are studies."""
    sentences: list[str]
    jobs: dict[str, list[slurm.Task]]
    jobs_told: list[str]
    at_work: bool
    """Whether a run is at work, or a job waits or runs."""
    seconds_left: float | None = None
    """How long the study takes yet; None where nothing is at work, or that is not known."""
    size: DiskUse | None = None
    """What the study's folder takes; None where the rows are studies."""

    def running(self) -> list[tuple[str, int, RunRecord]]:
        """Return the runs at work."""
        return [each for each in self.runs if each[2].state() == "running"]


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("status", "How far the studies on disk are.")
    parser.add_argument("study", nargs="?", default=None, help="one study, arm by arm (default: all studies)")
    parser.add_argument("--watch", action="store_true", help="look again every few seconds until nothing is at work")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    options = parser.read(arguments)
    out, console = Path(options.out), Console(highlight=False)
    found = _overview(out, options.study)
    if options.json:
        if options.watch:
            raise UserError("--json prints once; give it without --watch")
        print_json(_as_json(found))
        return 0
    if not options.watch:
        console.print(_shown(found, console.width))
        return 0
    with Live(_shown(found, console.width), console=console, auto_refresh=False) as live:
        while found.at_work:
            time.sleep(WATCH_SECONDS)
            found = _overview(out, options.study)
            live.update(_shown(found, console.width), refresh=True)
    return 0


def _overview(out: Path, study: str | None) -> Overview:
    """Return what is to be told of a study, or of all."""
    sentences: list[str] = []
    record: StudyRecord | None = None
    runs: list[tuple[str, int, RunRecord]] = []
    if study is None:
        directories = studies_in(out)
        rows = [(path.name, _states_of_study(path)) for path in directories]
    else:
        directory = find_study(study, out)
        directories, record = [directory], read_study_record(directory)
        code = code_use(directory, record)
        sentences = list(code.sentences)
        rows = [(arm.label, _states(directory, arm.runs.values(), code.aside_of_arm[arm.label])) for arm in record.arms]
        if record.tuning is not None:
            rows.append((TRIALS, _states(directory, record.tuning.runs())))
        runs = [(arm.label, seed, RunRecord(directory / run)) for arm in record.arms for seed, run in arm.runs.items()]
    submitted = {path.name: StudyJobs(path).submitted() for path in directories}
    jobs, told, alive = _jobs(submitted) if any(submitted.values()) else ({}, [], False)
    at_work = alive or any(states["running"] for _, states in rows)
    if record is None:
        return Overview(record, rows, runs, sentences, jobs, told, at_work)
    left = seconds_left(directories[0], sum((states for _, states in rows), Counter()))
    return Overview(record, rows, runs, sentences, jobs, told, at_work, left, disk_use(directories[0]))


TRIALS = "(trials of the tuning)"


def _shown(found: Overview, columns: int) -> Text:
    """Return an overview for a terminal of so many columns."""
    used = [state for state in COLUMNS if any(states[state] for _, states in found.rows)]
    rows = [[name, *(str(states[state] or "") for state in used)] for name, states in found.rows]
    head, *lines = aligned(["arm" if found.record else "study", *used], rows, columns)
    for arm, seed, run in found.running():
        heartbeat = read_heartbeat(run.path)
        if heartbeat is not None:
            first, *others = heartbeat.words()
            lines += joined([f"{arm}, seed {seed}: {first}", *others], columns)
    told = [*found.sentences, *found.jobs_told]
    told += [f"time left: about {duration(found.seconds_left)}"] if found.seconds_left is not None else []
    told += [f"size: {found.size} on disk"] if found.size is not None else []
    for line in told:
        lines += wrapped(line, columns)
    return Text("\n").join([Text(head, style="bold"), *map(Text, lines)])


def _as_json(found: Overview) -> dict[str, Any]:
    """Return an overview for machines, as docs/json.md describes it."""
    if found.record is None:
        studies = [{"study": name, "runs": _counts(states)} for name, states in found.rows]
        return {"studies": studies, "jobs": _jobs_as_json(found.jobs)}
    states = dict(found.rows)
    arms = []
    for arm in found.record.arms:
        runs = []
        for _, seed, run in (each for each in found.runs if each[0] == arm.label):
            state, heartbeat = run.state(), read_heartbeat(run.path)
            progress = asdict(heartbeat) if heartbeat is not None and state == "running" else None
            runs.append({"run": run.run_id, "seed": seed, "state": state, "progress": progress})
        about = {"arm": arm.label, "baseline": arm.is_baseline, "levels": arm.levels}
        arms.append({**about, "other_code": states[arm.label]["other code"], "runs": runs})
    return {
        "study": found.record.study,
        "preset": found.record.preset,
        "arms": arms,
        "trials": _counts(states[TRIALS]) if TRIALS in states else None,
        "notes": found.sentences,
        "seconds_left": found.seconds_left,
        "bytes": found.size.size if found.size is not None else None,
        "jobs": _jobs_as_json(found.jobs),
    }


def _counts(states: Counter[str]) -> dict[str, int]:
    return {state.replace(" ", "_"): states[state] for state in COLUMNS}


def _jobs_as_json(jobs: Mapping[str, Sequence[slurm.Task]]) -> list[dict[str, Any]]:
    return [
        {"study": study, "task": task.name, "state": task.state, "left": task.left, "reason": task.reason.strip("()")}
        for study, tasks in jobs.items()
        for task in tasks
    ]


def _jobs(submitted: Mapping[str, Sequence[str]]) -> tuple[dict[str, list[slurm.Task]], list[str], bool]:
    """Return the tasks of each study that are in the queue, a line for each such study, and whether there is one."""
    if not slurm.is_available():
        return {}, ["jobs: SLURM is not reached from this machine"], False
    try:
        tasks = slurm.tasks([job for jobs in submitted.values() for job in jobs])
    except UserError as error:
        return {}, [f"jobs: {error}"], True
    lines, found = [], {}
    for study, jobs in submitted.items():
        own = [task for task in tasks if task.job in jobs]
        if own:
            found[study] = own
            before = "jobs" if len(submitted) == 1 else f"jobs of {study}"
            lines.append(f"{before}: {_in_words(own)}")
    return found, lines, bool(tasks)


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


def seconds_left(directory: Path, states: Mapping[str, int]) -> float | None:
    """Return how long a study takes that goes on as it does; None where nothing is at work, or known.

    By what the runs took that finished last, and how many are at work now.
    """
    left = states["running"] + states["interrupted"] + states["not started"]
    if not states["running"] or not states["finished"]:
        return None
    took: list[tuple[float, float]] = []
    for record in run_records(directory):
        with contextlib.suppress(CorruptRecord):
            status = record.read_status()
            if status.get("state") == "finished":
                took.append((status["updated"], status["updated"] - status["started"]))
    last = [seconds for _, seconds in sorted(took)[-LAST_RUNS:]]
    # Those at work are, on average, half-way through.
    return (left - states["running"] / 2) * sum(last) / len(last) / states["running"] if last else None


def studies_in(out: Path) -> list[Path]:
    """Return the folders of the studies under `out`. Raises `UserError` where there are none."""
    found = sorted(path.parent for path in out.glob(f"*/{STUDY_FILE}"))
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
    return _states(directory, study.arm_of_run(), code_use(directory, study).aside_of_arm.total())


def _states(directory: Path, runs: Iterable[str], other_code: int = 0) -> Counter[str]:
    return Counter(RunRecord(directory / run).state() for run in runs) + Counter({"other code": other_code})


def stop(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    parser = Parser("stop", "Cancel a study's jobs on a cluster. What is done stays; litmus run goes on with the rest.")
    parser.add_argument("study", help="the study, see litmus status")
    parser.add_key(records_key())
    options = parser.read(arguments)
    jobs = StudyJobs(find_study(options.study, Path(options.out))).submitted()
    alive = slurm.tasks(jobs)
    slurm.cancel(sorted({task.job for task in alive}))
    if alive:
        tasks = "1 task" if len(alive) == 1 else f"{len(alive)} tasks"
        print(f"{tasks} of job {', '.join(sorted({task.job for task in alive}))} cancelled; what is done stays")
    else:
        print(f"no job of {options.study} waits or runs")
    return 0
