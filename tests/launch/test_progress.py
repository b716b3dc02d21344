"""What is shown while runs are executed: on a terminal, in a log file."""

import io
import itertools
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
from rich.console import Console
from tiny_runs import command, tiny_options

from litmus.launch import progress as module
from litmus.launch.progress import Progress
from litmus.records.run_record import Heartbeat
from litmus.training.config import resolve
from litmus.training.run import Run

ARMS = ("norm none, lr 0.1", "norm batch, lr 0.1")


def runs(arms: tuple[str, ...] = ARMS, seeds: int = 2) -> list[Run]:
    config = resolve({})
    made = itertools.product(arms, range(seeds))
    return [
        Run(f"{index:012x}", "s", arm, {}, config.with_seed(seed), Path()) for index, (arm, seed) in enumerate(made)
    ]


def beat(step: int, steps: int = 100, **more: Any) -> Heartbeat:
    return Heartbeat(step, steps, step / 10, 10, **more)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """A function that lets time pass."""
    now = [1000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])

    def later(seconds: float) -> None:
        now[0] += seconds

    return later


def test_the_time_left_is_that_of_all_runs_at_the_mean_speed_so_far(later: Callable[[float], None]) -> None:
    asked = runs(seeds=4)
    progress = Progress(asked, 2, Console(file=io.StringIO()))
    assert progress.seconds_left() is None
    for run, seconds in ((asked[0], 10.0), (asked[4], 100.0)):
        progress.started(run)
        later(seconds)
        progress.finished(run, "finished", executed=True)
    assert progress.seconds_left() == pytest.approx(6 * 55 / 2)


def test_a_run_that_goes_on_from_a_checkpoint_does_not_look_quick(later: Callable[[float], None]) -> None:
    [first, second, *_] = asked = runs()
    progress = Progress(asked, 1, Console(file=io.StringIO()))
    progress.started(first)
    later(5.0)  # it reads its data
    progress.advanced(first, beat(80))
    assert progress.seconds_left() is None
    later(20.0)
    progress.finished(first, "finished", executed=True)
    assert progress.seconds_left() == pytest.approx(300.0)
    progress.started(second)
    progress.advanced(second, beat(1))
    later(50.0)
    progress.advanced(second, beat(51))
    assert progress.seconds_left() == pytest.approx(249.0)


def test_with_fewer_runs_than_workers_the_longest_decides(later: Callable[[float], None]) -> None:
    progress = Progress(runs(seeds=1), 8, Console(file=io.StringIO()))
    for run in runs(seeds=1):
        progress.started(run)
        progress.advanced(run, beat(0))
    later(10.0)
    progress.advanced(runs(seeds=1)[0], beat(10))
    progress.advanced(runs(seeds=1)[1], beat(10))
    assert progress.seconds_left() == pytest.approx(90.0)


def test_a_log_file_gets_plain_lines_that_become_rarer(later: Callable[[float], None]) -> None:
    file = io.StringIO()
    asked = runs()
    with Progress(asked, 2, Console(file=file)) as progress:
        progress.started(asked[0])
        for second in range(3600):
            later(1.0)
            progress.advanced(asked[0], beat(1 + second // 40, images_per_second=812.0, metric="val_top1", value=0.912))
            progress.refresh()
    text = file.getvalue()
    assert "\x1b" not in text
    assert "\r" not in text
    first, *lines = text.splitlines()
    assert first == "4 runs, 0 already done, 2 at a time"
    summaries = [line for line in lines if not line.startswith(" ")]
    assert 8 <= len(summaries) <= 12
    assert summaries[0] == "0 of 4 runs done, 1 running, 0:10"
    assert lines[1] == "  norm none, lr 0.1, seed 0: step 1/100, epoch 0.1/10, 812 images/s, val_top1 91.20 %"
    assert summaries[-1].endswith(" left")


@pytest.mark.slow
def test_while_a_run_trains_its_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """From the first step on, within epochs too."""
    options = ["--data.batch_size", "2", "--trainer.epochs", "40", "--workers", "1", "--out", str(tmp_path)]
    program, *arguments = command(["train", *tiny_options(), *options])
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "24"}
    child = pexpect.spawn(program, arguments, dimensions=(24, 120), encoding="utf-8", timeout=120, env=environment)
    terminal = pyte.Screen(120, 24)
    stream = pyte.Stream(terminal)
    steps: set[str] = set()
    while len(steps) < 3:
        stream.feed(child.read_nonblocking(100_000, timeout=60))
        steps.update(re.findall(r"step [\d,]+/25,8\d\d, epoch \d+\.\d/40", "\n".join(terminal.display)))
    assert any("0 of 1 run done, 1 running" in line for line in terminal.display)
    child.sendintr()
    child.expect(pexpect.EOF)
