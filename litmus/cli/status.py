"""What lies on disk: `litmus status` counts a study's runs, `stop` cancels its jobs, `show` describes a run."""

import contextlib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from rich.text import Text

from litmus.cli.command import JSON_HELP, OUT, RUN_HELP, Parser, aligned, print_json, wrapped
from litmus.core.errors import UserError, unknown_name
from litmus.core.formatting import duration, listed, several
from litmus.records import slurm
from litmus.records.aside import runs_aside
from litmus.records.run_record import (
    FAILURES,
    STATES_WITH_RESULT,
    Heartbeat,
    RunRecord,
    find_runs,
    read_heartbeat,
    run_records,
)
from litmus.records.storage import CorruptRecord, disk_use, in_bytes
from litmus.records.study_record import JUDGED_FILE, STUDY_FILE, StudyJobs, experiments_in, read_study_record
from litmus.records.user_code import copies, recorded_code, rerun_command

STATES = ("finished", *FAILURES, "running", "interrupted", "crashed", "corrupt", "not_started", "aside")
_HEADINGS = {"not_finite": "not finite", "not_started": "not started", "aside": "kept aside"}
LAST_RUNS = 20
"""Runs by whose duration the time left is estimated."""

Found = dict[str, Any]
"""The state of one study, or of all: what `--json` prints, as docs/json.md describes it."""


def parser() -> Parser:
    """Return the command's parser."""
    parser = Parser("status", "Show how many runs of each experiment are finished, running or missing, and SLURM jobs.")
    parser.add_argument("study", nargs="?", default=None, help="one experiment, arm by arm (default: all experiments)")
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(OUT)
    return parser


def execute(arguments: Sequence[str]) -> int:
    """Run the command and return its exit status."""
    options = parser().read(arguments)
    found = status_of_all(Path(options.out)) if options.study is None else status_of(options.study, options.out)
    if options.json:
        print_json(found)
    else:
        console = Console(highlight=False)
        console.print(_table(found, console.width))
    return 0


def status_of_all(out: Path) -> Found:
    """Return the number of runs of each study by state. Raises `UserError` where there are no studies."""
    judged = [f"{each.parent.name}: the report of a table, see litmus judge" for each in out.glob(f"*/{JUDGED_FILE}")]
    directories, studies = experiments_in(out) if judged else studies_in(out), []
    for directory in directories:
        study = read_study_record(directory)
        counts = _counts(directory, study.arm_of_run(), runs_aside(directory, study).of_arm.total())
        studies.append({"experiment": directory.name, "study": study.study, "runs": counts})
    jobs, notes = _jobs(directories)
    return {"experiments": studies, "jobs": jobs, "notes": [*sorted(judged), *notes]}


def status_of(study: str, out: str | Path) -> Found:
    """Return the state of each run of a study. Raises `UserError` where there is no such study."""
    directory = find_study(study, Path(out))
    record = read_study_record(directory)
    aside = runs_aside(directory, record)
    arms: list[Found] = []
    for arm in record.arms:
        runs = [_run(RunRecord(directory / run), seed) for seed, run in arm.runs.items()]
        about = {"arm": arm.label, "baseline": arm.is_baseline, "levels": arm.levels}
        arms.append({**about, "aside": aside.of_arm[arm.label], "runs": runs})
    trials = _counts(directory, record.tuning.runs()) if record.tuning is not None else None
    jobs, notes = _jobs([directory])
    states = Counter(run["state"] for arm in arms for run in arm["runs"])
    return {
        "experiment": directory.resolve().name,
        "study": record.study,
        "preset": record.preset,
        "arms": arms,
        "trials": trials,
        "notes": [*aside.sentences, *_unasked(aside.unasked), *notes],
        "seconds_left": seconds_left(directory, states + Counter(trials or {})),
        "bytes": disk_use(directory),
        "jobs": jobs,
    }


def studies_in(out: Path) -> list[Path]:
    """Return the folders of the studies under `out`. Raises `UserError` where there are none."""
    found = experiments_in(out)
    if not found:
        raise UserError(f"no experiments in {out}; name another folder with --out, or start with litmus run batch_norm")
    return found


def find_study(name: str, out: Path) -> Path:
    """Return the folder of the experiment `name` under `out`, or that which `name` is the path of.

    Raises `UserError` with those that are there.
    """
    if (Path(name) / STUDY_FILE).is_file():
        return Path(name)
    for folder in (out / name, Path(name)):
        if (folder / JUDGED_FILE).is_file():
            raise UserError(f"{folder} is the report of a table and has no runs; litmus report writes it again")
    if "/" in name or "\\" in name:
        raise UserError(f"no experiment in {name}: there is no {STUDY_FILE}; litmus status lists those in {out}")
    by_name = {path.name: path for path in studies_in(out)}
    if name not in by_name:
        raise unknown_name("experiment", name, by_name, f"those are in {out}")
    return by_name[name]


def seconds_left(directory: Path, states: Mapping[str, int]) -> float | None:
    """Return how long a study still takes if as many runs stay at work; None where that cannot be estimated.

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


def _unasked(runs: Sequence[str]) -> list[str]:
    if not runs:
        return []
    them = "run of this experiment was" if len(runs) == 1 else "runs of this experiment were"
    return [f"{len(runs)} more {them} not asked for by the last command: of other seeds, arms or trials."]


def _counts(directory: Path, runs: Iterable[str], aside: int = 0) -> dict[str, int]:
    states = Counter(RunRecord(directory / run).state().replace(" ", "_") for run in runs)
    return {state: states[state] for state in STATES} | {"aside": aside}


def _jobs(directories: Sequence[Path]) -> tuple[list[Found], list[str]]:
    """Return the SLURM tasks of these studies that are pending or running, and a note where SLURM cannot be asked."""
    submitted = {path.name: StudyJobs(path).submitted() for path in directories}
    if not any(submitted.values()):
        return [], []
    if not slurm.is_available():
        return [], ["jobs: SLURM is not reached from this machine"]
    try:
        tasks = slurm.tasks(submitted)
    except UserError as error:
        return [], [f"jobs: {error}"]
    return [
        {
            "experiment": study,
            "task": task.name,
            "user": task.user,
            "state": "requeued" if task.state == "PENDING" and task.restarts else task.state.lower(),
            "left": task.left,
            "reason": task.reason.strip("()"),
        }
        for study in submitted
        for task in tasks
        if task.title == slurm.title_of(study)
    ], []


def _rows(found: Found) -> list[tuple[str, Mapping[str, int]]]:
    """Return the numbers of runs by state of each study, or of each arm and the trials of the tuning."""
    if "experiments" in found:
        return [(study["experiment"], study["runs"]) for study in found["experiments"]]
    rows: list[tuple[str, Mapping[str, int]]] = [
        (arm["arm"], Counter(run["state"] for run in arm["runs"]) + Counter(aside=arm["aside"]))
        for arm in found["arms"]
    ]
    return rows + ([("(trials of the tuning)", found["trials"])] if found["trials"] is not None else [])


def _table(found: Found, columns: int) -> Text:
    """Return the state of one study, or of all, for a terminal of `columns`."""
    rows = _rows(found)
    used = [state for state in STATES if any(counts[state] for _, counts in rows)]
    cells = [[name, *(str(counts[state] or "") for state in used)] for name, counts in rows]
    headings = ["experiment" if "experiments" in found else "arm", *(_HEADINGS.get(each, each) for each in used)]
    (head, *more), *body = aligned(headings, cells, columns)
    lines = [*more, *(line for block in body for line in block)]
    for arm in found.get("arms", ()):
        for run in arm["runs"]:
            if run["progress"] is not None:
                words = ", ".join(Heartbeat(**run["progress"]).words())
                lines += wrapped(f"{arm['arm']}, seed {run['seed']}: {words}", columns)
    notes = [*found["notes"], *_job_lines(found["jobs"])]
    if "experiments" not in found:
        left = found["seconds_left"]
        notes += [f"time left: about {duration(left)}"] if left is not None else []
        notes.append(f"size: {in_bytes(found['bytes'])} on disk")
    lines += [line for note in notes for line in wrapped(note, columns)]
    return Text("\n").join([Text(head, style="bold"), *map(Text, lines)])


def _job_lines(jobs: Sequence[Found]) -> list[str]:
    """Return a line for each study and user that counts the tasks: `jobs of norms (ada): 2 running, 3:59 left`."""
    left_by_study: dict[tuple[str, str], dict[str, list[str]]] = {}
    for job in jobs:
        waits = job["state"] in ("pending", "requeued") and job["reason"] not in ("", "None")
        state = f"{job['state']} ({job['reason']})" if waits else job["state"]
        left_by_study.setdefault((job["experiment"], job["user"]), {}).setdefault(state, []).append(job["left"])
    lines = []
    for (study, user), by_state in left_by_study.items():
        counts = [
            f"{len(left)} {state}" + (f", {min(left)} left" if state == "running" else "")
            for state, left in by_state.items()
        ]
        lines.append(f"jobs of {study} ({user}): {'; '.join(counts)}")
    return lines


def stop_parser() -> Parser:
    """Return the parser of `litmus stop`."""
    parser = Parser(
        "stop", "Cancel an experiment's jobs on a cluster. Finished runs stay; litmus run continues the rest."
    )
    parser.add_argument("study", help="name of an experiment, see `litmus status`")
    parser.add_key(OUT)
    return parser


def stop(arguments: Sequence[str]) -> int:
    """Run `litmus stop` and return its exit status."""
    options = stop_parser().read(arguments)
    tasks = StudyJobs(find_study(options.study, Path(options.out))).tasks()
    own = slurm.own_tasks(tasks)
    others = [task for task in tasks if task not in own]
    theirs = f"{several(len(others), 'task')} of {options.study} of {listed(sorted({each.user for each in others}))}"
    if others and not own:
        raise UserError(f"{theirs}: only who submitted a job can stop it")
    slurm.cancel(own)
    if own:
        jobs = sorted({task.job for task in own})
        print(f"cancelled {several(len(own), 'task')} of job {', '.join(jobs)}; finished runs stay")
    else:
        print(f"no job of {options.study} is pending or running")
    if others:
        print(f"litmus: {theirs} stay: only who submitted a job can stop it", file=sys.stderr)
    return 0


def show_parser() -> Parser:
    """Return the parser of `litmus show`."""
    parser = Parser("show", "Show one run: its config, result and log.")
    parser.add_argument("run", help=RUN_HELP)
    parser.add_argument("--json", action="store_true", help=JSON_HELP)
    parser.add_key(OUT)
    return parser


def show(arguments: Sequence[str]) -> int:
    """Run `litmus show` and return its exit status."""
    options = show_parser().read(arguments)
    records = find_runs(options.run, Path(options.out))
    try:
        if options.json:
            print_json({"runs": [description(record) for record in records]})
        else:
            print("\n".join(line for record in records for line in in_lines(record)))
    except CorruptRecord as error:
        raise UserError(f"{error}; running its study again sets it aside and repeats it") from None
    return 0


def description(record: RunRecord) -> dict[str, Any]:
    """Return what is recorded of a run: what `--json` prints, as docs/json.md describes it."""
    status, summary, state = record.read_status(), record.read_summary(), record.state()
    heartbeat = read_heartbeat(record.path)
    return {
        "run": record.run_id,
        "folder": str(record.path),
        **{key: status.get(key) for key in ("experiment", "arm", "seed", "trial")},
        "state": state,
        **{key: status.get(key) for key in ("attempts", "error")},
        "progress": asdict(heartbeat) if heartbeat is not None and state not in STATES_WITH_RESULT else None,
        **{key: summary.get(key) for key in ("metrics", "cost", "normalisation", "environment", "seconds")},
        "config": record.read_config(),
        "log": str(record.log_file),
        "command": rerun_command(record),
    }


def in_lines(record: RunRecord) -> list[str]:
    """Return what is recorded of a run, for a reader."""
    run = description(record)
    trial = f", trial {run['trial']}" if run["trial"] else ""
    lines = [f"run {run['run']}: {run['experiment']}, {run['arm']}{trial}, seed {run['seed']}"]
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
    code, kept = recorded_code(record.read_status()), copies(record)
    if code is not None and kept is not None:
        hashes = code.trained_with or code.hashes
        changed = "" if kept.is_current() else "; the files have changed since, and the copies are run again"
        lines += ["code:", *(f"  {file}: {digest}" for file, digest in sorted(hashes.items()))]
        lines.append(f"  copies: {kept.path}{changed}")
    return [*lines, f"again: {run['command']}"]
