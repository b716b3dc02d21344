"""Live progress: bars that move on a terminal, a line that changes in a notebook, rare plain lines elsewhere."""

import contextlib
import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from litmus.duration import clock
from studies.launch.progress_lines import in_one_line, screen, summary
from studies.launch.time_left import RunAtWork, TimeLeft
from studies.records.heartbeat import Heartbeat
from studies.training.run import Run

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
