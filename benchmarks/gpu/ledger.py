"""The rows of a benchmark that is done in several calls: each is written down once it is known, and not repeated."""

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from litmus.training.environment import package_version

ROW_SECONDS = 240
"""How long one row may take before it is given up."""

LEAST_SECONDS = 20
"""How long a row may take that is begun when the minutes are nearly over; it is left for the next call then."""


class Skip(Exception):
    """A row that means nothing here; the message is the reason."""


@dataclass(frozen=True)
class Found:
    """What a row found: whether it holds (None where it is a figure and no promise), in words and in numbers."""

    holds: bool | None
    told: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of the table: `result` is pass, fail, measured or skipped."""

    name: str
    result: str
    told: str
    figures: dict[str, Any]
    seconds: float
    code: str
    date: str


Check = Callable[[], Found]


@dataclass
class Setting:
    """Where and how large a benchmark runs, and where it writes."""

    device: str
    small: bool
    out: Path

    @property
    def hardware(self) -> str:
        """The device in words."""
        if self.device == "cuda":
            return torch.cuda.get_device_name(0)
        return f"CPU {platform.machine()}, {torch.get_num_threads()} threads"

    def synchronise(self) -> None:
        """Wait until the device has done what it was given."""
        if self.device == "cuda":
            torch.cuda.synchronize()

    def needs_cuda(self, what: str) -> None:
        """Raise `Skip` on a CPU, which has no `what`."""
        if self.device != "cuda":
            raise Skip(f"needs a GPU: {what}")


class Ledger:
    """The rows so far, in `out/<name>-<device>[-small].json`, a table of them beside it."""

    def __init__(self, name: str, setting: Setting, minutes: float) -> None:
        size = "-small" if setting.small else ""
        self.file = setting.out / f"{name}-{setting.device}{size}.json"
        self.name, self.setting = name, setting
        self.ends = time.monotonic() + 60 * minutes
        self.rows: dict[str, Row] = {}
        if self.file.exists():
            self.rows = {row["name"]: Row(**row) for row in json.loads(self.file.read_text())["rows"]}

    def forget(self, text: str) -> None:
        """Do rows again whose name holds `text`, or whose result is that."""
        self.rows = {name: row for name, row in self.rows.items() if text not in name and row.result != text}

    def run(self, checks: Iterable[tuple[str, Check]], only: str = "") -> int:
        """Do what is missing while there is time, print the table and return how many rows are left."""
        wanted = [(name, check) for name, check in checks if only in name]
        left = 0
        for name, check in wanted:
            if name in self.rows:
                continue
            if time.monotonic() >= self.ends:
                left += 1
                continue
            row = self._done(name, check)
            if row is None:
                left += 1
            else:
                self._keep(row)
        self.print([name for name, _ in wanted], left)
        return left

    def _done(self, name: str, check: Check) -> Row | None:
        """Return the row; None where the minutes were over before it was, which is no fault of its own."""
        started = time.monotonic()
        seconds = min(ROW_SECONDS, max(LEAST_SECONDS, self.ends - started))
        try:
            with _at_most(seconds):
                found = check()
            result = "measured" if found.holds is None else "pass" if found.holds else "fail"
        except Skip as reason:
            result, found = "skipped", Found(None, str(reason))
        except Exception as error:
            if time.monotonic() - started >= seconds and seconds < ROW_SECONDS:
                print(f"left after {seconds:.0f} s, the minutes are over: {name}", flush=True)
                return None
            result, found = "fail", Found(False, f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
        row = Row(name, result, found.told, found.figures, time.monotonic() - started, package_version(), date)
        print(f"{row.result:8} {row.seconds:6.1f} s  {name}: {row.told}", flush=True)
        return row

    def _keep(self, row: Row) -> None:
        self.rows[row.name] = row
        self.file.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "benchmark": self.name,
            "command": " ".join(["python -m", f"benchmarks.gpu.{self.name}", *sys.argv[1:]]),
            "device": self.setting.hardware,
            "torch": torch.__version__,
            "rows": [asdict(each) for each in self.rows.values()],
        }
        temporary = self.file.with_suffix(".writing")
        temporary.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(temporary, self.file)
        if row.result == "fail" and self.setting.device == "cuda":
            try:
                torch.cuda.synchronize()
            except RuntimeError:
                # A GPU that was left in error stays so for this process: the rest is for another one.
                sys.stdout.flush()
                os.execv(sys.executable, [sys.executable, "-m", f"benchmarks.gpu.{self.name}", *sys.argv[1:]])

    def print(self, names: Iterable[str], left: int) -> None:
        """Print the rows of these names as a table, and how many of each result there are."""
        table = Table(title=f"{self.name}: {self.setting.hardware}, torch {torch.__version__}", title_justify="left")
        for column in ("result", "what", "found"):
            table.add_column(column, overflow="fold")
        rows = [self.rows[name] for name in names if name in self.rows]
        for row in rows:
            table.add_row(row.result, row.name, row.told)
        Console(width=150, highlight=False).print(table, markup=False)
        counts = {
            result: sum(row.result == result for row in rows) for result in ("pass", "fail", "measured", "skipped")
        }
        told = ", ".join(f"{count} {result}" for result, count in counts.items() if count)
        print(f"{told or 'nothing'}; {left} left: the same command goes on" if left else f"{told}; complete")
        print(f"figures in {self.file}", flush=True)


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` within the block after so many seconds."""

    def give_up(*_: object) -> None:
        raise TimeoutError(f"given up after {seconds:.0f} s")

    previous = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def conduct(name: str, doc: str | None, checks: Callable[[Setting], Iterable[tuple[str, Check]]]) -> None:
    """Be the command of a benchmark: read its options, do its rows, exit with status 1 where one failed."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--small", action="store_true", help="a few steps of small networks: whether it runs at all")
    parser.add_argument("--minutes", type=float, default=9, help="begin no row after so many minutes")
    parser.add_argument("--out", type=Path, default=Path("runs/gpu"), help="folder of the JSON, from which it goes on")
    parser.add_argument("--only", default="", help="rows whose name holds this text")
    parser.add_argument("--again", default=None, help="do these rows again: a text in their names, or fail")
    options = parser.parse_args()
    setting = Setting(options.device, options.small, options.out)
    if setting.device == "cpu":
        torch.set_num_threads(1)
    ledger = Ledger(name, setting, options.minutes)
    if options.again is not None:
        ledger.forget(options.again)
    ledger.run(checks(setting), options.only)
    # Libraries that were loaded for compiling report leaks as the interpreter ends: the table is to come last.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    sys.exit(any(row.result == "fail" for row in ledger.rows.values()))
