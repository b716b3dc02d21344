"""What lies on disk: `litmus status` says how far studies are, `stop` cancels their jobs, `show` describes a run."""

import contextlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.live import Live
from rich.text import Text

from litmus.cli.parser import Parser, records_key
from litmus.cli.terminal import JSON_HELP, aligned, print_json, width, wrapped
from litmus.core.errors import UserError, unknown_name
from litmus.core.formatting import duration, joined, several
from litmus.records import slurm
from litmus.records.code_use import code_use
from litmus.records.run_code import recorded_code
from litmus.records.run_record import (
    FINAL_STATES,
    Heartbeat,
    RunRecord,
    copies,
    find_runs,
    read_heartbeat,
    rerun_command,
    run_records,
)
from litmus.records.storage import CorruptRecord, disk_use, in_bytes
from litmus.records.study_record import STUDY_FILE, StudyJobs, read_study_record

STATES = ("finished", "diverged", "running", "interrupted", "crashed", "corrupt", "not_started", "other_code")
WATCH_SECONDS = 2.0
LAST_RUNS = 20
"""Runs by whose duration the time left is estimated."""

Found = dict[str, Any]
"""The state of one study, or of all: what `--json` prints, as docs/json.md describes it."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("status", "How far the studies on disk are.")
    parser.add_argument("study", nargs="?", default=None, help="one study, arm by arm (default: all studies)")
    parser.add_argument("--watch", action="store_true", help="look again every few seconds until nothing is at work")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    if options.json and options.watch:
        raise UserError("--json prints once; give it without --watch")

    def look() -> Found:
        return status_of_all(Path(options.out)) if options.study is None else status_of(options.study, options.out)

    console, found = Console(highlight=False), look()
    if options.json:
        print_json(found)
    elif not options.watch:
        console.print(_table(found, console.width))
    else:
        with Live(_table(found, console.width), console=console, auto_refresh=False) as live:
            while _is_at_work(found):
                time.sleep(WATCH_SECONDS)
                found = look()
                live.update(_table(found, console.width), refresh=True)
    return 0


def status_of_all(out: Path) -> Found:
    """Return the number of runs of each study by state. Raises `UserError` where there are no studies."""
    directories, studies = studies_in(out), []
    for directory in directories:
        study = read_study_record(directory)
        counts = _counts(directory, study.arm_of_run(), code_use(directory, study).aside_of_arm.total())
        studies.append({"study": directory.name, "runs": counts})
    jobs, notes = _jobs(directories)
    return {"studies": studies, "jobs": jobs, "notes": notes}


def status_of(study: str, out: str | Path) -> Found:
    """Return the state of each run of a study. Raises `UserError` where there is no such study."""
    directory = find_study(study, Path(out))
    record = read_study_record(directory)
    code = code_use(directory, record)
    arms: list[Found] = []
    for arm in record.arms:
        runs = [_run(RunRecord(directory / run), seed) for seed, run in arm.runs.items()]
        about = {"arm": arm.label, "baseline": arm.is_baseline, "levels": arm.levels}
        arms.append({**about, "other_code": code.aside_of_arm[arm.label], "runs": runs})
    trials = _counts(directory, record.tuning.runs()) if record.tuning is not None else None
    jobs, notes = _jobs([directory])
    states = Counter(run["state"] for arm in arms for run in arm["runs"])
    return {
        "study": record.study,
        "preset": record.preset,
        "arms": arms,
        "trials": trials,
        "notes": [*code.sentences, *notes],
        "seconds_left": seconds_left(directory, states + Counter(trials or {})),
        "bytes": disk_use(directory).size,
        "jobs": jobs,
    }


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


def seconds_left(directory: Path, states: Mapping[str, int]) -> float | None:
    """Return how long a study still takes with as many runs at work as now; None where that cannot be estimated.

    A run is assumed to take as long as the runs that finished last.
    """
    left = states["running"] + states["interrupted"] + states["not_started"]
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


def _run(record: RunRecord, seed: int) -> Found:
    state, heartbeat = record.state().replace(" ", "_"), read_heartbeat(record.path)
    progress = asdict(heartbeat) if heartbeat is not None and state == "running" else None
    return {"run": record.run_id, "seed": seed, "state": state, "progress": progress}


def _counts(directory: Path, runs: Iterable[str], other_code: int = 0) -> dict[str, int]:
    states = Counter(RunRecord(directory / run).state().replace(" ", "_") for run in runs)
    return {state: states[state] for state in STATES} | {"other_code": other_code}


def _jobs(directories: Sequence[Path]) -> tuple[list[Found], list[str]]:
    """Return the tasks of SLURM that wait or run for these studies, and a note where SLURM cannot be asked."""
    submitted = {path.name: StudyJobs(path).submitted() for path in directories}
    if not any(submitted.values()):
        return [], []
    if not slurm.is_available():
        return [], ["jobs: SLURM is not reached from this machine"]
    try:
        tasks = slurm.tasks([job for jobs in submitted.values() for job in jobs])
    except UserError as error:
        return [], [f"jobs: {error}"]
    return [
        {
            "study": study,
            "task": task.name,
            "state": "requeued" if task.state == "pending" and task.restarts else task.state,
            "left": task.left,
            "reason": task.reason.strip("()"),
        }
        for study, jobs in submitted.items()
        for task in tasks
        if task.job in jobs
    ], []


def _is_at_work(found: Found) -> bool:
    return bool(found["jobs"]) or any(counts["running"] for _, counts in _rows(found))


def _rows(found: Found) -> list[tuple[str, Mapping[str, int]]]:
    """Return the numbers of runs by state of each study, or of each arm and the trials of the tuning."""
    if "studies" in found:
        return [(study["study"], study["runs"]) for study in found["studies"]]
    rows: list[tuple[str, Mapping[str, int]]] = [
        (arm["arm"], Counter(run["state"] for run in arm["runs"]) + Counter(other_code=arm["other_code"]))
        for arm in found["arms"]
    ]
    return rows + ([("(trials of the tuning)", found["trials"])] if found["trials"] is not None else [])


def _table(found: Found, columns: int) -> Text:
    """Return the state of one study, or of all, for a terminal of so many columns."""
    rows = _rows(found)
    used = [state for state in STATES if any(counts[state] for _, counts in rows)]
    cells = [[name, *(str(counts[state] or "") for state in used)] for name, counts in rows]
    headings = ["study" if "studies" in found else "arm", *(state.replace("_", " ") for state in used)]
    head, *lines = aligned(headings, cells, columns)
    for arm in found.get("arms", ()):
        for run in arm["runs"]:
            if run["progress"] is not None:
                first, *others = Heartbeat(**run["progress"]).words()
                lines += joined([f"{arm['arm']}, seed {run['seed']}: {first}", *others], columns)
    notes = [*found["notes"], *_job_lines(found["jobs"], found.get("study"))]
    if "studies" not in found:
        left = found["seconds_left"]
        notes += [f"time left: about {duration(left)}"] if left is not None else []
        notes.append(f"size: {in_bytes(found['bytes'])} on disk")
    lines += [line for note in notes for line in wrapped(note, columns)]
    return Text("\n").join([Text(head, style="bold"), *map(Text, lines)])


def _job_lines(jobs: Sequence[Found], only: str | None) -> list[str]:
    """Return what the tasks of each study do, those alike together: `2 running, 3:59:12 left; 1 pending`."""
    lines = []
    for study in dict.fromkeys(job["study"] for job in jobs):
        alike: dict[str, list[str]] = {}
        for job in jobs:
            if job["study"] == study:
                waits = job["state"] in ("pending", "requeued") and job["reason"] not in ("", "None")
                doing = f"{job['state']} ({job['reason']})" if waits else job["state"]
                alike.setdefault(doing, []).append(job["left"])
        parts = [
            f"{len(left)} {doing}{f', {min(left)} left' if doing == 'running' else ''}" for doing, left in alike.items()
        ]
        lines.append(f"{'jobs' if study == only else f'jobs of {study}'}: {'; '.join(parts)}")
    return lines


def stop_parser() -> Parser:
    """Return the parser of `litmus stop`."""
    parser = Parser("stop", "Cancel a study's jobs on a cluster. Finished runs stay; litmus run continues the rest.")
    parser.add_argument("study", help="the study, see litmus status")
    parser.add_key(records_key())
    return parser


def stop(arguments: Sequence[str]) -> int:
    """Run `litmus stop` and return its exit status."""
    options = stop_parser().read(arguments)
    tasks = slurm.tasks(StudyJobs(find_study(options.study, Path(options.out))).submitted())
    jobs = sorted({task.job for task in tasks})
    slurm.cancel(jobs)
    if jobs:
        print(f"cancelled {several(len(tasks), 'task')} of job {', '.join(jobs)}; finished runs stay")
    else:
        print(f"no job of {options.study} waits or runs")
    return 0


def show_parser() -> Parser:
    """Return the parser of `litmus show`."""
    parser = Parser("show", "One run: its config, result and log.")
    parser.add_argument("run", help="a run id, its first digits, or the run's folder")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(records_key())
    return parser


def show(arguments: Sequence[str]) -> int:
    """Run `litmus show` and return its exit status."""
    options = show_parser().read(arguments)
    records = find_runs(options.run, Path(options.out))
    try:
        if options.json:
            print_json({"runs": [description(record) for record in records]})
        else:
            print("\n".join(in_lines(record, width()) for record in records))
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    return 0


def description(record: RunRecord) -> dict[str, Any]:
    """Return what is recorded of a run: what `--json` prints, as docs/json.md describes it."""
    status, summary, heartbeat, state = (
        record.read_status(), record.read_summary(), read_heartbeat(record.path), record.state()
    )  # fmt: skip
    return {
        "run": record.run_id,
        "folder": str(record.path),
        **{key: status.get(key) for key in ("study", "arm", "seed", "trial")},
        "state": state,
        **{key: status.get(key) for key in ("attempts", "error")},
        "progress": asdict(heartbeat) if heartbeat is not None and state not in FINAL_STATES else None,
        **{key: summary.get(key) for key in ("metrics", "cost", "normalisation", "environment", "seconds")},
        "config": record.read_config(),
        "log": str(record.log_file),
        "command": rerun_command(record),
    }


def in_lines(record: RunRecord, columns: int) -> str:
    """Return what is recorded of a run, for a terminal of so many columns."""
    run = description(record)
    trial = f", trial {run['trial']}" if run["trial"] else ""
    lines = [f"run {run['run']}: {run['study']}, {run['arm']}{trial}, seed {run['seed']}"]
    lines.append(f"state: {run['state']}, attempts: {run['attempts']}")
    if run["progress"] is not None:
        lines.append(", ".join(Heartbeat(**run["progress"]).words()))
    if run["error"]:
        lines.append(f"error: {run['error']}")
    if run["metrics"] is not None:
        for section in ("metrics", "cost", "normalisation", "environment"):
            lines += [f"{section}:", *(f"  {key}: {value}" for key, value in run[section].items())]
        lines.append(f"seconds: {run['seconds']:.1f}")
    lines += ["config:", *(f"  {line}" for line in yaml.safe_dump(run["config"], sort_keys=False).splitlines())]
    tail = record.log_tail()
    if tail:
        lines += [f"log ({run['log']}), its last lines:", *(f"  {line}" for line in tail.splitlines())]
    lines += _code_lines(record)
    shown = [short for line in lines for short in _fitted(line, columns)]
    # The command stays on one line, whatever its length: it is there to be pasted.
    return "\n".join([*shown, f"again: {run['command']}"])


def _fitted(line: str, columns: int) -> list[str]:
    """Return a line in several of at most `columns`, where it has words to break between; the rest is indented."""
    if len(line) <= columns:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    first, *others = wrapped(line, columns - len(indent) - 2)
    return [f"{indent}{first.lstrip()}", *(f"{indent}  {other}" for other in others)]


def _code_lines(record: RunRecord) -> list[str]:
    """Return the files of the user that a run was executed with, in lines."""
    code, kept = recorded_code(record.read_status()), copies(record)
    if code is None or kept is None:
        return []
    hashes = code.trained_with or code.hashes
    lines = ["code:", *(f"  {file}: {digest}" for file, digest in sorted(hashes.items()))]
    changed = "" if kept.is_current() else "; the files have changed since, so that the copies are run again"
    return [*lines, f"  copies: {kept.path}{changed}"]
