"""Live progress: bars that move on a terminal, plain lines that become rarer elsewhere."""

import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from litmus.core.formatting import clock
from litmus.records.run_record import Heartbeat
from litmus.training.run import Run

LEAST_FRACTION = 0.005
"""Of a run's steps, which have to be seen before its speed is shown."""

FIRST_LINE = 10.0
LONGEST_SILENCE = 600.0
"""Seconds until a log file gets its first line of progress, and at most between two; in between each waits longer."""

LINES_OF_RUNS = 4
"""Current runs that such a line is followed by."""


@dataclass
class CurrentRun:
    """A run that is being executed, since when, and its heartbeats; times are those of a monotonic clock.

    `first_beat` is when its first heartbeat came and the fraction of the run that was done by then: a large one, where
    it goes on from a checkpoint.
    """

    run: Run
    since: float
    heartbeat: Heartbeat | None = None
    first_beat: tuple[float, float] | None = None
    last_beat: float = 0.0

    def beat(self, heartbeat: Heartbeat, now: float) -> None:
        """Take note of a heartbeat; one that was read from the disk before is none."""
        if heartbeat == self.heartbeat:
            return
        self.heartbeat, self.last_beat = heartbeat, now
        self.first_beat = self.first_beat or (now, heartbeat.fraction)

    @property
    def fraction(self) -> float:
        """The fraction of its steps that is done."""
        return self.heartbeat.fraction if self.heartbeat is not None else 0.0

    def seconds(self) -> float | None:
        """Return what the whole run takes at its speed so far, None where too little was seen of it."""
        if self.first_beat is None:
            return None
        since, before = self.first_beat
        done = self.fraction - before
        return (self.last_beat - since) / done if done >= LEAST_FRACTION and self.last_beat > since else None

    def parts(self, now: float) -> list[str]:
        """Return how far it is, in words."""
        if self.heartbeat is None:
            return [f"starting, {clock(now - self.since)}"]
        seconds = self.seconds()
        if self.fraction == 1:
            return [*self.heartbeat.words(), "testing"]
        left = [f"{clock(seconds * (1 - self.fraction))} left"] if seconds is not None else []
        return [*self.heartbeat.words(), *left]


@dataclass
class TimeLeft:
    """Estimates when `runs` are done, `workers` of them at a time; an arm's runs are taken to last alike."""

    runs: Sequence[Run]
    workers: int
    current: dict[str, CurrentRun] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._missing = {run.run_id: run.arm for run in self.runs}
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def ended(self, run: Run, seconds: float | None) -> None:
        """Take note that `run` is over; it took `seconds` where it was executed here."""
        current = self.current.pop(run.run_id, None)
        self._missing.pop(run.run_id, None)
        if seconds is not None:
            before = current.first_beat[1] if current is not None and current.first_beat is not None else 0.0
            self._seconds[run.arm].append(seconds / max(1 - before, 0.05))

    def total(self) -> float | None:
        """Return the seconds that are left of all runs, None where nothing is known yet or nothing is left."""
        speeds = {number: each.seconds() for number, each in self.current.items()}
        by_arm = {arm: list(seconds) for arm, seconds in self._seconds.items()}
        for number, seconds in speeds.items():
            if seconds is not None:
                by_arm.setdefault(self.current[number].run.arm, []).append(seconds)
        if not by_arm or not self._missing:
            return None
        mean = {arm: statistics.fmean(seconds) for arm, seconds in by_arm.items()}
        usual = statistics.fmean(mean.values())
        left = {number: speeds.get(number) or mean.get(arm, usual) for number, arm in self._missing.items()}
        for number, current in self.current.items():
            if number in left:
                left[number] *= 1 - current.fraction
        # With fewer runs than workers the longest of them decides.
        return max(sum(left.values()) / self.workers, *(left.get(number, 0.0) for number in self.current), 0.0)


class Progress:
    """Shows which of `runs` are done and being executed, how far each is, and the time left; `workers` at a time."""

    def __init__(self, runs: Sequence[Run], workers: int, console: Console | None = None) -> None:
        self.total = len(runs)
        self.workers = workers
        self.console = console or Console(stderr=True, highlight=False)
        self.states: Counter[str] = Counter()
        self.left = TimeLeft(runs, workers)
        self._started = self._last_line = time.monotonic()
        self._silence = FIRST_LINE
        self._bars: Bars | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "Progress":
        self._started = self._last_line = time.monotonic()
        runs = "1 run" if self.total == 1 else f"{self.total} runs"
        self.notice(f"{runs}, {sum(self.states.values())} already done, {self.workers} at a time")
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
        """A worker executes `run`, or is seen to."""
        if run.run_id not in self.left.current:
            self.left.current[run.run_id] = CurrentRun(run, time.monotonic())
            if self._bars is not None:
                self._tasks[run.run_id] = self._bars.add_task(run.name, total=1.0, details="starting")

    def advanced(self, run: Run, heartbeat: Heartbeat) -> None:
        """Take note of a heartbeat of `run`."""
        current = self.left.current.get(run.run_id)
        if current is not None:
            current.beat(heartbeat, time.monotonic())

    def stopped(self, run: Run) -> None:
        """`run` is no longer executed, and has no result."""
        self.left.current.pop(run.run_id, None)
        if self._bars is not None and run.run_id in self._tasks:
            self._bars.remove_task(self._tasks.pop(run.run_id))

    def finished(self, run: Run, state: str, executed: bool, seconds: float | None = None) -> None:
        """`run` has its result; it took `seconds` where another process knows that better."""
        self.states[state] += 1
        current = self.left.current.get(run.run_id)
        if seconds is None:
            seconds = time.monotonic() - current.since if current else 0.0
        self.left.ended(run, seconds if executed else None)
        self.stopped(run)
        if executed:
            left = self.left.total()
            tail = f", about {clock(left)} left" if left is not None else ""
            done = f"[{sum(self.states.values())}/{self.total}]"
            self.notice(f"{done} {state:<8} {run.name}  {seconds:.1f} s{tail}")

    def notice(self, text: str) -> None:
        """Print a line above the bars."""
        self._last_line = time.monotonic()
        # Square brackets are markup to rich.
        self.console.print(text, markup=False, soft_wrap=True)

    def refresh(self) -> None:
        """Show how far everything is by now; where lines only add up, from time to time."""
        now = time.monotonic()
        if self._bars is not None:
            self._bars.update(self._all, completed=sum(self.states.values()), details=self._summary(now))
            for number, task in self._tasks.items():
                current = self.left.current[number]
                self._bars.update(task, completed=current.fraction, details=", ".join(current.parts(now)))
        elif now - self._last_line >= self._silence:
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
            current_runs = list(self.left.current.values())
            lines = [f"  {each.run.name}: {', '.join(each.parts(now))}" for each in current_runs[:LINES_OF_RUNS]]
            more = len(current_runs) - LINES_OF_RUNS
            lines += [f"  and {more} more"] if more > 0 else []
            self.notice("\n".join([self._summary(now), *lines]))

    def _summary(self, now: float) -> str:
        """Return how far everything is: `12 of 60 runs done (1 diverged), 2 running, 1:12, about 4:30 left`."""
        others = [f"{count} {state}" for state, count in sorted(self.states.items()) if state != "finished"]
        runs = "run" if self.total == 1 else "runs"
        done = f"{sum(self.states.values())} of {self.total} {runs} done" + (
            f" ({', '.join(others)})" if others else ""
        )
        left = self.left.total()
        parts = [done, f"{len(self.left.current)} running", clock(now - self._started)]
        return ", ".join([*parts, *([f"about {clock(left)} left"] if left is not None else [])])
