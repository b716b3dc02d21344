"""What is shown while runs are executed: on a terminal, in a notebook, in a log file."""

import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect
import pyte
import pytest
from rich.console import Console
from tiny_runs import command, tiny_options

from litmus.core.formatting import joined
from litmus.launch import progress as module
from litmus.launch.progress import BAR, Progress, RunAtWork, TimeLeft, bar, screen
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


def test_a_bar_moves_with_every_part_of_a_run_and_never_back() -> None:
    bars = [bar(step / 1000) for step in range(1001)]
    assert {len(each) for each in bars} == {BAR}
    assert len(set(bars)) == 8 * BAR + 1
    assert bars[1] != bars[0]
    assert bars[-1] == "█" * BAR


def test_the_time_left_is_that_of_each_arm(later: Callable[[float], None]) -> None:
    quick, slow = runs(seeds=4)[:4], runs(seeds=4)[4:]
    left = TimeLeft([*quick, *slow], workers=2)
    assert left.total() is None
    left.ended(quick[0], 10.0)
    left.ended(slow[0], 100.0)
    assert left.by_arm() == {ARMS[0]: 15.0, ARMS[1]: 150.0}
    assert left.total() == 165.0


def test_a_run_that_goes_on_from_a_checkpoint_does_not_look_quick() -> None:
    [first, second, *_] = runs()
    left = TimeLeft(runs(), workers=1)
    left.at_work[first.run_id] = RunAtWork(first, since=0.0)
    left.at_work[first.run_id].hear(beat(80), now=0.0)
    left.ended(first, 20.0)
    assert left.by_arm()[ARMS[0]] == pytest.approx(100.0)
    left.at_work[second.run_id] = RunAtWork(second, since=20.0)
    left.at_work[second.run_id].hear(beat(1), now=22.0)
    left.at_work[second.run_id].hear(beat(51), now=72.0)
    assert left.of_run(left.at_work[second.run_id]) == pytest.approx(49.0)


def test_an_arm_at_work_alone_tells_what_it_will_take_before_any_run_is_done() -> None:
    [first, *_] = runs()
    left = TimeLeft(runs(), workers=1)
    left.at_work[first.run_id] = RunAtWork(first, since=0.0)
    left.at_work[first.run_id].hear(beat(1), now=10.0)
    assert left.total() is None
    left.at_work[first.run_id].hear(beat(11), now=20.0)
    assert left.total() == pytest.approx(89 + 3 * 100)
    left.at_work[first.run_id].hear(beat(100), now=109.0)
    assert left.by_arm()[ARMS[0]] == pytest.approx(100)  # nothing of the first, all of the second


@pytest.mark.parametrize("width", [40, 60, 80, 200])
@pytest.mark.parametrize("height", [5, 10, 24, 60])
def test_whatever_is_at_work_fits_the_terminal(width: int, height: int) -> None:
    arms = tuple(f"augment imagenet, norm batch, learning rate {number / 10}" for number in range(30))
    asked = runs(arms)
    left = TimeLeft(asked, workers=16)
    for number, each in enumerate(asked[:16]):
        left.at_work[each.run_id] = RunAtWork(each, since=0.0)
        for step in range(1, number):
            left.at_work[each.run_id].hear(
                beat(step, images_per_second=12_345.6, metric="val_top1", value=0.9123), now=10.0 * step
            )
    lines = screen("12 of 60 runs done (1 diverged), 16 at work, 1:12, about 4:30 left", left, 99.0, width, height)
    assert max(map(len, lines)) <= width
    assert len(lines) <= height


def test_commas_join_and_lines_break_after_them() -> None:
    assert joined(["step 3/8", "epoch 0.8/2", "53 images/s"], 22, indent=2) == [
        "  step 3/8,",
        "  epoch 0.8/2,",
        "  53 images/s",
    ]
    assert joined(["step 3/8", "epoch 0.8/2", "53 images/s"], 25, indent=2) == [
        "  step 3/8, epoch 0.8/2,",
        "  53 images/s",
    ]


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
    told = [line for line in lines if not line.startswith(" ")]
    assert 8 <= len(told) <= 12
    assert told[0] == "0 of 4 runs done, 1 at work, 0:10"
    assert lines[1] == "  norm none, lr 0.1, seed 0: step 1/100, epoch 0.1/10, 812 images/s, val_top1 91.20 %"
    assert "about" in told[-1]
    assert lines[-1].endswith(" left")


@pytest.mark.slow
def test_while_a_run_trains_its_bar_moves_on_a_terminal(tmp_path: Path) -> None:
    """From the first step on, within epochs too."""
    options = ["--data.batch_size", "2", "--trainer.epochs", "40", "--workers", "1", "--out", str(tmp_path)]
    program, *arguments = command(["train", *tiny_options(), *options])
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    child = pexpect.spawn(program, arguments, dimensions=(24, 80), encoding="utf-8", timeout=120, env=environment)
    terminal = pyte.Screen(80, 24)
    stream = pyte.Stream(terminal)
    seen: list[str] = []
    while len({line for line in seen if line.startswith("step")}) < 3:
        stream.feed(child.read_nonblocking(100_000, timeout=60))
        seen += [line.strip() for line in terminal.display]
    steps = [line for line in dict.fromkeys(seen) if line.startswith("step ")]
    assert all(re.match(r"step [\d,]+/25,8\d\d, epoch \d+\.\d/40", line) for line in steps)
    assert any("images/s" in line for line in seen)
    assert len({line for line in seen if "% " in line and set(line) & set("▏▎▍▌▋▊▉█")}) > 1
    child.sendintr()
    child.expect(pexpect.EOF)


@pytest.mark.slow
def test_a_notebook_shows_one_line_that_changes_and_no_widget(tmp_path: Path) -> None:
    import nbclient
    import nbformat

    code = (
        "import studies\n"
        "from pathlib import Path\n"
        f"result = litmus.run('batch_norm', seeds=1, out={str(tmp_path)!r}, workers=1, "
        "vary={'model.norm': ['none', 'batch'], 'optim.lr': [0.03]}, settings={'trainer.epochs': 1})"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = notebook.cells[0].outputs
    texts = [each.data["text/plain"] for each in outputs if each.output_type == "display_data"]
    assert [text for text in texts if "runs done" in text] == [texts[-1]]
    assert texts[-1].startswith("2 of 2 runs done, 0 at work")
    assert "widget" not in json.dumps(outputs)


def test_what_is_told_goes_where_it_went_although_a_run_has_the_output() -> None:
    read, write = os.pipe()
    console = Console(file=os.fdopen(write, "w"), width=80)
    progress = Progress(runs(), 1, console)
    with progress.on_a_stream_of_its_own():
        other = os.open(os.devnull, os.O_WRONLY)
        os.dup2(other, write)
        progress.notice("still here")
    os.close(other)
    assert os.read(read, 100) == b"still here\n"
    os.close(read)
    assert sys.stderr is not console.file
