"""Live progress: bars that move on a terminal, a line that changes in a notebook, rare plain lines elsewhere."""

import contextlib
import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from litmus.core.formatting import clock, joined
from litmus.records.run_record import Heartbeat
from litmus.training.run import Run

LEAST_SHARE = 0.005
"""Of a run's steps, which have to be seen before its speed is told."""


@dataclass
class RunAtWork:
    """A run that is being executed, since when, and what was heard of it; times are those of a monotonic clock."""

    run: Run
    since: float
    heartbeat: Heartbeat | None = None
    heard: float = 0.0
    first: tuple[float, float] | None = None
    """When it was heard first, and how much was done by then: much, where it goes on from a checkpoint."""

    def hear(self, heartbeat: Heartbeat, now: float) -> None:
        """Take note of how far it is."""
        if heartbeat == self.heartbeat:
            return  # read from the disk once more
        self.heartbeat, self.heard = heartbeat, now
        if self.first is None:
            self.first = now, heartbeat.fraction

    @property
    def fraction(self) -> float:
        """The share of its steps that is done."""
        return self.heartbeat.fraction if self.heartbeat is not None else 0.0

    @property
    def seconds(self) -> float | None:
        """What the whole run takes at the speed that was seen, None where too little was seen of it."""
        if self.first is None:
            return None
        since, before = self.first
        done = self.fraction - before
        return (self.heard - since) / done if done >= LEAST_SHARE and self.heard > since else None

    def whole(self, seconds: float) -> float:
        """Return what the whole run would have taken, where it took `seconds` from where it was heard first."""
        before = self.first[1] if self.first is not None else 0.0
        return seconds / max(1 - before, 0.05)


class TimeLeft:
    """What is left of `runs`, `workers` of which are executed at a time."""

    def __init__(self, runs: Sequence[Run], workers: int) -> None:
        self.workers = workers
        self.at_work: dict[str, RunAtWork] = {}
        self._arm = {run.run_id: run.arm for run in runs}
        self.planned = {arm: list(self._arm.values()).count(arm) for arm in dict.fromkeys(self._arm.values())}
        self._missing = set(self._arm)
        self._durations: dict[str, list[float]] = defaultdict(list)

    def ended(self, run: Run, seconds: float | None) -> None:
        """`run` is over; it took `seconds` where it was executed here."""
        at_work = self.at_work.pop(run.run_id, None)
        self._missing.discard(run.run_id)
        if seconds is not None:
            self._durations[run.arm].append(at_work.whole(seconds) if at_work is not None else seconds)

    def done(self, arm: str) -> int:
        """Return how many runs of an arm are over."""
        return self.planned[arm] - sum(self._arm[run] == arm for run in self._missing)

    def of_run(self, at_work: RunAtWork, known: dict[str, float] | None = None) -> float | None:
        """Return the seconds that are left of a run at work, None where nothing is known yet."""
        arms = self._seconds_of_arms() if known is None else known
        seconds = at_work.seconds or arms.get(at_work.run.arm)
        return None if seconds is None else seconds * (1 - at_work.fraction)

    def by_arm(self) -> dict[str, float]:
        """Return the seconds that are left of each arm that is not done, the workers shared among all.

        Arms of which nothing has been seen are taken to be like the mean of the others; empty where there are none.
        """
        known = self._seconds_of_arms()
        if not known:
            return {}
        usual = statistics.fmean(known.values())
        left: dict[str, float] = defaultdict(float)
        for run in self._missing:
            arm = self._arm[run]
            at_work = self.at_work.get(run)
            seconds = self.of_run(at_work, known) if at_work is not None else None
            left[arm] += (known.get(arm, usual) if seconds is None else seconds) / self.workers
        return {arm: left[arm] for arm in self.planned if arm in left}

    def total(self) -> float | None:
        """Return the seconds that are left of all runs, None where nothing is known yet or nothing is left."""
        left = self.by_arm()
        if not left:
            return None
        known = self._seconds_of_arms()
        # With fewer runs than workers the longest of them decides.
        longest = max((self.of_run(each, known) or 0.0 for each in self.at_work.values()), default=0.0)
        return max(sum(left.values()), longest)

    def _seconds_of_arms(self) -> dict[str, float]:
        found = {arm: statistics.fmean(seconds) for arm, seconds in self._durations.items()}
        running: dict[str, list[float]] = defaultdict(list)
        for each in list(self.at_work.values()):
            if each.run.arm not in found and each.seconds is not None:
                running[each.run.arm].append(each.seconds)
        return found | {arm: statistics.fmean(seconds) for arm, seconds in running.items()}


BAR = 20
"""Characters of a bar; each shows eight parts, so that a bar moves 160 times in a run."""

_EIGHTHS = " ▏▎▍▌▋▊▉"


def bar(fraction: float) -> str:
    """Return a bar of `BAR` characters, filled as far as `fraction`; a run that has begun shows some of it."""
    parts = min(8 * BAR, max(int(8 * BAR * fraction), 1 if fraction > 0 else 0))
    full, rest = divmod(parts, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR, "░")


def said_of(at_work: RunAtWork, left: TimeLeft, now: float) -> list[str]:
    """Return what is told of a run at work, part by part."""
    if at_work.heartbeat is None:
        return [f"starting, {clock(now - at_work.since)}"]
    seconds = left.of_run(at_work)
    if at_work.fraction == 1:
        return [*at_work.heartbeat.told(), "testing"]
    return [*at_work.heartbeat.told(), *([f"{clock(seconds)} left"] if seconds is not None else [])]


def summary(states: dict[str, int], total: int, left: TimeLeft, elapsed: float) -> str:
    """Return how far all is: `12 of 60 runs done (1 diverged), 2 at work, 1:12, about 4:30 left`."""
    done = sum(states.values())
    other = ", ".join(f"{count} {state}" for state, count in sorted(states.items()) if state != "finished" and count)
    parts = [f"{done} of {total} {'run' if total == 1 else 'runs'} done{f' ({other})' if other else ''}"]
    parts += [f"{len(left.at_work)} at work", clock(elapsed)]
    seconds = left.total()
    return ", ".join([*parts, *([f"about {clock(seconds)} left"] if seconds is not None else [])])


def run_lines(at_work: RunAtWork, left: TimeLeft, now: float, width: int, brief: bool = False) -> list[str]:
    """Return a run at work in lines: its bar and its name, and unless `brief`, how far it is."""
    head = f"{at_work.fraction:4.0%} ".replace("%", " %") + bar(at_work.fraction)
    first = cut(f"{head}  {at_work.run.name}", width)
    return [first] if brief else [first, *joined(said_of(at_work, left, now), width, indent=6)]


def arm_lines(left: TimeLeft, width: int, most: int) -> list[str]:
    """Return the arms that are not done with the time that is left of each, at most so many lines."""
    seconds = left.by_arm()
    open_arms = [arm for arm in left.planned if left.done(arm) < left.planned[arm]]
    if not seconds or len(open_arms) < 2 or most < 3:
        return []
    shown = open_arms if len(open_arms) <= most - 1 else open_arms[: most - 2]
    rows = [("arm", "done", "left")]
    rows += [(arm, f"{left.done(arm)}/{left.planned[arm]}", clock(seconds.get(arm, 0.0))) for arm in shown]
    figures = [max(len(row[column]) for row in rows) for column in (1, 2)]
    room = width - sum(figures) - 4
    names = min(room, max(len(row[0]) for row in rows))
    lines = [f"{cut(name, names):<{names}}  {done:>{figures[0]}}  {time:>{figures[1]}}" for name, done, time in rows]
    return lines + ([f"and {len(open_arms) - len(shown)} more arms"] if len(shown) < len(open_arms) else [])


def screen(head: str, left: TimeLeft, now: float, width: int, height: int) -> list[str]:
    """Return all that a terminal of that size shows while runs are executed."""
    lines = joined(head.split(", "), width)
    running = list(left.at_work.values())
    room = max(1, height - len(lines) - 2)
    full = [run_lines(each, left, now, width) for each in running]
    if sum(map(len, full)) <= room:
        lines += [line for each in full for line in each]
    else:
        shown = running if len(running) <= room else running[: room - 1]
        lines += [line for each in shown for line in run_lines(each, left, now, width, brief=True)]
        if len(shown) < len(running):
            lines.append(f"and {len(running) - len(shown)} more at work")
    arms = arm_lines(left, width, height - len(lines) - 2)
    return [*lines, *(["", *arms] if arms else [])]


def in_one_line(running: Sequence[RunAtWork], left: TimeLeft, now: float, most: int = 1) -> list[str]:
    """Return a line for each of the first runs at work, and one for how many more there are."""
    lines = [f"{each.run.name}: {', '.join(said_of(each, left, now))}" for each in running[:most]]
    return lines + ([f"and {len(running) - most} more"] if len(running) > most else [])


def cut(text: str, width: int) -> str:
    """Return `text`, its end left out where it is longer than `width`."""
    return text if len(text) <= width else text[: width - 1] + "…"


FIRST_LINE = 10.0
LONGEST_SILENCE = 600.0
"""Seconds until a log file gets its first line of progress, and at most between two; in between each waits longer."""

LINES_OF_RUNS = 4
"""Runs at work that such a line is followed by."""

NOTEBOOK_SECONDS = 1.0


class _Line(Protocol):
    """A line of a notebook's output that can be replaced."""

    def update(self, content: dict[str, str], *, raw: bool) -> None: ...


class Progress:
    """Shows which of `runs` are done and at work, how far each is, and the time left; `workers` are done at a time."""

    def __init__(self, runs: Sequence[Run], workers: int, console: Console | None = None) -> None:
        self.total = len(runs)
        self.workers = workers
        self.console = console or Console(stderr=True, highlight=False)
        self.states: Counter[str] = Counter()
        self.left = TimeLeft(runs, workers)
        self._started = self._told = time.monotonic()
        self._silence = FIRST_LINE
        self._live: Live | None = None
        self._line: _Line | None = None

    def __enter__(self) -> "Progress":
        self._started = self._told = time.monotonic()
        if self.console.is_jupyter:
            self._line = _line_of_a_notebook(self._in_a_line())
        elif self.console.is_terminal:
            # What else prints is not for this console: a launcher that trains by itself sends it to the run's log.
            self._live = Live(
                get_renderable=self._screen,
                console=self.console,
                refresh_per_second=4,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        runs = "1 run" if self.total == 1 else f"{self.total} runs"
        if self._line is None:
            self.notice(f"{runs}, {sum(self.states.values())} already done, {self.workers} at a time")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()
        if self._line is not None:
            self._line.update({"text/plain": self._in_a_line()}, raw=True)

    @contextlib.contextmanager
    def on_a_stream_of_its_own(self) -> Iterator[None]:
        """Go on printing where this process prints now, whatever becomes of its output within the block."""
        try:
            stream = os.fdopen(os.dup(self.console.file.fileno()), "w")
        except OSError:  # a stream that no file is behind
            yield
            return
        before = self.console.file
        self.console.file = stream
        try:
            with stream:
                yield
        finally:
            self.console.file = before

    def started(self, run: Run) -> None:
        """A worker takes `run`, or is at it."""
        self.left.at_work.setdefault(run.run_id, RunAtWork(run, time.monotonic()))

    def advanced(self, run: Run, heartbeat: Heartbeat) -> None:
        """`run` tells how far it is."""
        at_work = self.left.at_work.get(run.run_id)
        if at_work is not None:
            at_work.hear(heartbeat, time.monotonic())

    def stopped(self, run: Run) -> None:
        """`run` is no longer at work, without a result."""
        self.left.at_work.pop(run.run_id, None)

    def finished(self, run: Run, state: str, executed: bool, seconds: float | None = None) -> None:
        """`run` has its result; it took `seconds` where another process knows that better."""
        self.states[state] += 1
        at_work = self.left.at_work.get(run.run_id)
        if seconds is None:
            seconds = time.monotonic() - at_work.since if at_work else 0.0
        self.left.ended(run, seconds if executed else None)
        if not executed or self._line is not None:
            return
        done, left = f"[{sum(self.states.values())}/{self.total}]", self.left.total()
        tail = f", about {clock(left)} left" if left is not None else ""
        # Square brackets are markup to rich.
        self.notice(f"{done} {state:<8} {run.name}  {seconds:.1f} s{tail}")

    def notice(self, text: str) -> None:
        """Print a line above what moves."""
        self._told = time.monotonic()
        self.console.print(text, markup=False, soft_wrap=True)

    def refresh(self) -> None:
        """Show how far all is by now; where lines only add up, from time to time."""
        now = time.monotonic()
        if self._live is not None:
            return  # it looks by itself
        if self._line is not None:
            if now - self._told >= NOTEBOOK_SECONDS:
                self._told = now
                self._line.update({"text/plain": self._in_a_line()}, raw=True)
        elif now - self._told >= self._silence:
            self._silence = min(2 * self._silence, LONGEST_SILENCE)
            running = list(self.left.at_work.values())
            told = [self._summary(), *(f"  {line}" for line in in_one_line(running, self.left, now, LINES_OF_RUNS))]
            self.notice("\n".join(told))

    def _summary(self) -> str:
        return summary(dict(self.states), self.total, self.left, time.monotonic() - self._started)

    def _in_a_line(self) -> str:
        running = list(self.left.at_work.values())
        return "; ".join([self._summary(), *in_one_line(running, self.left, time.monotonic())])

    def _screen(self) -> Text:
        width, height = self.console.size
        return Text("\n".join(screen(self._summary(), self.left, time.monotonic(), width, height)), no_wrap=True)


def _line_of_a_notebook(text: str) -> _Line:
    """Return a line below the cell, without a widget: what shows notebooks shows it, and a saved one keeps the last."""
    from IPython.display import display

    line: Any = display({"text/plain": text}, raw=True, display_id=True)
    return line
