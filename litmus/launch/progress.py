"""Live progress: bars that move on a terminal, plain lines that become rarer elsewhere."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from litmus.core.formatting import clock, several
from litmus.records.run_record import Heartbeat
from litmus.training.run import Run

LEAST_FRACTION = 0.005
"""Of a run's steps, which have to be seen before the time left is shown."""

FIRST_LINE = 10.0
LONGEST_SILENCE = 600.0
"""Seconds until a log file gets its first line of progress, and at most between two; in between each waits longer."""

LINES_OF_RUNS = 4
"""Current runs that such a line is followed by."""


@dataclass
class CurrentRun:
    """A run that is being executed, and its last heartbeat.

    `since` is the moment of its first heartbeat, before that of its start, by a monotonic clock; `resumed_at` is the
    fraction that was done at the first heartbeat: large if the run continues from a checkpoint.
    """

    run: Run
    since: float
    heartbeat: Heartbeat | None = None
    resumed_at: float = 0.0

    @property
    def fraction(self) -> float:
        """The fraction of its steps that is done."""
        return self.heartbeat.fraction if self.heartbeat is not None else 0.0

    def words(self, now: float) -> str:
        """Return how far it is, in words."""
        if self.heartbeat is None:
            return f"starting, {clock(now - self.since)}"
        return ", ".join([*self.heartbeat.words(), *(["testing"] if self.fraction == 1 else [])])


class Progress:
    """Shows which of `runs` are done and being executed, how far each is, and the time left; `workers` at a time."""

    def __init__(self, runs: Sequence[Run], workers: int, console: Console | None = None) -> None:
        self.total = len(runs)
        self.workers = workers
        self.console = console or Console(stderr=True, highlight=False)
        self.states: Counter[str] = Counter()
        self.current: dict[str, CurrentRun] = {}
        # What was executed here of runs that have ended, as a number of whole runs, and the seconds it took.
        self._executed = self._seconds = 0.0
        self._started = self._last_line = time.monotonic()
        self._silence = FIRST_LINE
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Progress":
        self._started = self._last_line = time.monotonic()
        self.notice(f"{several(self.total, 'run')}, {sum(self.states.values())} already done, {self.workers} at a time")
        if self.console.is_terminal:
            self._bars = Bars(
                BarColumn(20),
                TextColumn("{task.description}", markup=False),
                TextColumn("{task.fields[details]}", markup=False),
                console=self.console,
                transient=True,
                # A launcher that trains by itself sends what it prints to the run's log.
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._all = self._bars.add_task("all", total=self.total, details="")
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None
            self._tasks.clear()

    def started(self, run: Run) -> None:
        """Show that `run` is being executed."""
        if run.run_id not in self.current:
            self.current[run.run_id] = CurrentRun(run, time.monotonic())
            if self._bars is not None:
                self._tasks[run.run_id] = self._bars.add_task(run.name, total=1.0, details="starting")

    def advanced(self, run: Run, heartbeat: Heartbeat) -> None:
        """Record a heartbeat of `run`."""
        current = self.current.get(run.run_id)
        if current is not None:
            if current.heartbeat is None:
                current.since, current.resumed_at = time.monotonic(), heartbeat.fraction
            current.heartbeat = heartbeat

    def stopped(self, run: Run) -> None:
        """Show that `run` is no longer executed."""
        self.current.pop(run.run_id, None)
        if self._bars is not None and run.run_id in self._tasks:
            self._bars.remove_task(self._tasks.pop(run.run_id))

    def finished(self, run: Run, state: str, executed: bool, seconds: float | None = None) -> None:
        """Show that `run` has ended; `seconds` is its time, if its record has it."""
        self.states[state] += 1
        now, current = time.monotonic(), self.current.get(run.run_id)
        if executed:
            observed = now - current.since if current is not None else seconds or 0.0
            self._seconds += observed
            self._executed += 1 - (current.resumed_at if current is not None else 0.0)
        self.stopped(run)
        if executed:
            left = self.seconds_left()
            tail = f", about {clock(left)} left" if left is not None else ""
            done = f"[{sum(self.states.values())}/{self.total}]"
            took = f"{observed if seconds is None else seconds:.1f} s"
            self.notice(f"{done} {state:<8} {run.name}  {took}{tail}")

    def seconds_left(self) -> float | None:
        """Return the seconds until all runs are done; None if too little was seen, or nothing is left.

        Every run is assumed to last as long as those so far on average.
        """
        now, current = time.monotonic(), self.current.values()
        executed = self._executed + sum(each.fraction - each.resumed_at for each in current)
        missing = self.total - sum(self.states.values())
        if executed < LEAST_FRACTION or not missing:
            return None
        observed = self._seconds + sum(now - each.since for each in current if each.heartbeat is not None)
        left = missing - sum(each.fraction for each in current)
        # With fewer runs than workers, the longest remaining run decides.
        longest = max((1 - each.fraction for each in current), default=0.0)
        return observed / executed * max(left / self.workers, longest)

    def notice(self, text: str) -> None:
        """Print a line above the bars."""
        self._last_line = time.monotonic()
        # Square brackets are markup to rich.
        self.console.print(text, markup=False, soft_wrap=True)

    def refresh(self) -> None:
        """Show the progress now; in a log file, from time to time."""
        now = time.monotonic()
        if self._bars is not None:
            self._bars.update(self._all, completed=sum(self.states.values()), details=self._summary(now))
            for number, task in self._tasks.items():
                current = self.current[number]
                self._bars.update(task, completed=current.fraction, details=current.words(now))
        elif now - self._last_line >= self._silence:
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
            runs = list(self.current.values())
            lines = [f"  {each.run.name}: {each.words(now)}" for each in runs[:LINES_OF_RUNS]]
            more = len(runs) - LINES_OF_RUNS
            lines += [f"  and {more} more"] if more > 0 else []
            self.notice("\n".join([self._summary(now), *lines]))

    def _summary(self, now: float) -> str:
        """Return how far everything is: `12 of 60 runs done (1 diverged), 2 running, 1:12, about 4:30 left`."""
        others = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()) if state != "finished")
        done = f"{sum(self.states.values())} of {several(self.total, 'run')} done{f' ({others})' if others else ''}"
        left = self.seconds_left()
        words = [done, f"{len(self.current)} running", clock(now - self._started)]
        return ", ".join([*words, *([f"about {clock(left)} left"] if left is not None else [])])
