"""Taking a run: the right to execute it, unless it is complete or somebody else is at it."""

from collections.abc import Callable, Iterable

from studies.records.lease import Lease, acquire
from studies.records.storage import CorruptRecord
from studies.training.run import Run


def take(run: Run, notice: Callable[[str], None]) -> tuple[Lease | None, str | None]:
    """Return the right to execute `run`, and its final state where it is complete by now; neither where it is held.

    A record that cannot be read is set aside, and the run is taken to be new.
    """
    while True:
        held = acquire(run.directory)
        if held is None:
            return None, None
        try:
            complete = run.record.is_complete()
        except CorruptRecord as error:
            set_aside(run, str(error), notice)
            held.release()
            continue
        if complete:
            held.release()
            return None, str(run.record.read_status()["state"])
        return held, None


def set_aside(run: Run, reason: str, notice: Callable[[str], None]) -> None:
    """Move the record of `run` out of the way, and tell so."""
    target = run.record.set_aside()
    notice(f"record set aside as {target.name} and repeated: {reason}")


def try_again(runs: Iterable[Run]) -> None:
    """Let those of `runs` that crashed be executed again by workers that pass over what crashed."""
    for run in runs:
        try:
            status = run.record.read_status()
        except CorruptRecord:
            continue
        if status.get("state") == "crashed":
            run.record.write_status(**{**status, "state": "interrupted"})
