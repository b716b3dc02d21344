"""Live progress: a table that redraws itself on a terminal, plain lines elsewhere."""

import time
from collections import Counter
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.table import Table

from studies.training.run import Run


class Progress:
    """Shows runs done, running and failed, and the time left."""

    def __init__(self, total: int, workers: int, console: Console | None = None) -> None:
        self.total = total
        self.workers = workers
        self.console = console or Console(stderr=True, highlight=False)
        self.states: Counter[str] = Counter()
        self._running: dict[str, tuple[Run, float, float]] = {}
        self._durations: list[float] = []
        self._started = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> "Progress":
        if self.console.is_terminal:
            self._live = Live(self._table(), console=self.console, refresh_per_second=4, transient=True)
            self._live.start()
        runs = "1 run" if self.total == 1 else f"{self.total} runs"
        self.notice(f"{runs}, {sum(self.states.values())} already done, {self.workers} at a time")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, run: Run) -> None:
        """A worker takes `run`."""
        self._running[run.run_id] = (run, time.monotonic(), 0.0)

    def advanced(self, run: Run, fraction: float) -> None:
        """`run` has done `fraction` of its steps."""
        if run.run_id in self._running:
            _, since, _ = self._running[run.run_id]
            self._running[run.run_id] = (run, since, fraction)

    def stopped(self, run: Run) -> None:
        """`run` is no longer at work, without a result."""
        self._running.pop(run.run_id, None)

    def finished(self, run: Run, state: str, executed: bool, seconds: float | None = None) -> None:
        """`run` has its result; it took `seconds` where another process knows that better."""
        self.states[state] += 1
        entry = self._running.pop(run.run_id, None)
        if not executed:
            return
        if seconds is None:
            seconds = time.monotonic() - entry[1] if entry else 0.0
        self._durations.append(seconds)
        done = f"[{sum(self.states.values())}/{self.total}]"
        # Square brackets are markup to rich.
        line = f"{done} {state:<8} {run.name}  {seconds:.1f} s{self._left(', ')}"
        self.console.print(line, markup=False, soft_wrap=True)

    def notice(self, text: str) -> None:
        """Print a line above the table."""
        self.console.print(text, markup=False, soft_wrap=True)

    def refresh(self) -> None:
        """Redraw the table."""
        if self._live is not None:
            self._live.update(self._table())

    def _left(self, before: str) -> str:
        if not self._durations:
            return ""
        each = sum(self._durations) / len(self._durations)
        started = sum(fraction for _, _, fraction in self._running.values())
        remaining = max(0.0, self.total - sum(self.states.values()) - started)
        if remaining == 0:
            return ""
        minutes, seconds = divmod(round(each * remaining / self.workers), 60)
        return f"{before}about {minutes}:{seconds:02d} left"

    def _table(self) -> Table:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items())) or "none done"
        elapsed = time.monotonic() - self._started
        title = f"{counts}, {len(self._running)} running of {self.total}; {elapsed:.0f} s{self._left(', ')}"
        table = Table(title=title, title_justify="left", box=None, show_header=False, padding=(0, 1))
        for run, since, fraction in self._running.values():
            filled = round(20 * fraction)
            bar = "█" * filled + "░" * (20 - filled)
            seconds = f"{time.monotonic() - since:.0f} s"
            table.add_row(run.run_id, bar, run.name, seconds)
        return table
