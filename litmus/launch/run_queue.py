"""Taking a run: the right to execute it, unless it is complete or somebody else is at it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from litmus.core.config_keys import flatten
from litmus.records.code_record import RunCode
from litmus.records.lease import Lease, acquire
from litmus.training.config import resolve
from litmus.training.run import Run

MAX_ATTEMPTS = 2
"""A crashed run is repeated once; a run that crashes twice is reported."""


@dataclass
class Outcome:
    """How the runs of a launch ended: identities by state, the errors of those that crashed, and what did not run."""

    finished: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    crashed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def as_entry(run: Run) -> dict[str, Any]:
    """Return a run as `runs.json` keeps it."""
    return {
        "run_id": run.run_id,
        "arm": run.arm,
        "levels": run.levels,
        "config": run.config.as_dict(),
        "trial": run.trial,
        "source": None if run.source is None else str(run.source),
        "code": None if run.code is None else run.code.as_dict(),
    }


def from_entry(entry: dict[str, Any], study: str, directory: Path) -> Run:
    """Return the run of an entry of `runs.json`."""
    source = None if entry["source"] is None else Path(entry["source"])
    config = resolve(flatten(entry["config"]))
    return Run(
        entry["run_id"],
        study,
        entry["arm"],
        entry["levels"],
        config,
        directory / entry["run_id"],
        source,
        code=None if entry["code"] is None else RunCode(**entry["code"]),
        trial=entry["trial"],
    )


def take(run: Run, notice: Callable[[str], None]) -> tuple[Lease | None, str | None]:
    """Return the right to execute `run`, and its final state where it is complete by now; neither where it is held.

    A record that cannot be read is set aside, and the run is taken to be new.
    """
    while True:
        held = acquire(run.directory)
        if held is None:
            return None, None
        outcome = run.record.outcome()
        if outcome.state == "corrupt":
            set_aside(run, outcome.problem, notice)
            held.release()
        elif outcome.is_complete:
            held.release()
            return None, outcome.state
        else:
            return held, None


def set_aside(run: Run, reason: str, notice: Callable[[str], None]) -> None:
    """Move the record of `run` out of the way, and tell so."""
    target = run.record.set_aside()
    notice(f"record set aside as {target.name} and repeated: {reason}")


def try_again(runs: Iterable[Run]) -> None:
    """Let those of `runs` that crashed be executed again by workers that pass over what crashed."""
    for run in runs:
        if run.record.state() == "crashed":
            run.record.write_status(**{**run.record.read_status(), "state": "interrupted"})
