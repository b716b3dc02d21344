"""The local launcher: warm workers, one run at a time each, until every run has its result."""

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import signal
import socket
import sys
import time
import types
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from litmus.errors import UserError
from studies.launch import worker
from studies.launch.giving_way import GIVE_WAY
from studies.launch.progress import Progress
from studies.launch.take import set_aside, take
from studies.launch.vital_signs import VitalSigns
from studies.launch.worker import Assignment, Message
from studies.records.lease import Lease, is_held
from studies.records.storage import CorruptRecord
from studies.training.run import Execution, Place, Run

MAX_ATTEMPTS = 2
"""A crashed run is repeated once; a run that crashes twice is reported."""

POLL_SECONDS = 0.5

SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""Lets threads that wait for each other sleep. By default they spin, which takes the core from the one waited for where
other programs want it too: a step can then take many times as long as with one thread."""

PAUSE_SECONDS = 60.0
"""How long runs that are to give way may take to reach the end of a step and write a checkpoint."""


class Interrupted(BaseException):
    """The user or the system asked the launcher to stop; the message says by which signal."""

    advice = "the same command goes on where this one stopped"

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal.Signals(signal_number).name)
        self.signal_number = signal_number
        self.exit_status = 128 + signal_number


@dataclass
class Outcome:
    """How the runs of a launch ended: identities by state, the errors of those that crashed, and what did not run."""

    finished: list[str] = field(default_factory=list)
    diverged: list[str] = field(default_factory=list)
    crashed: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@dataclass
class _Worker:
    """The processes that train one run together, and the run they are at."""

    places: tuple[Place, ...]
    processes: list[BaseProcess] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    alive: list[Connection] = field(default_factory=list)
    run: Run | None = None
    lease: Lease | None = None
    waiting: int = 0
    signs: VitalSigns = field(default_factory=VitalSigns)


class Launcher:
    """Executes runs on this machine with `places`, one tuple of device places for each concurrent run.

    Where others hold some of the runs, it waits for them and takes over what they leave, unless told not to
    `wait_for_others`, who are then somebody else's care. `executed` counts the runs that it executed itself.
    """

    def __init__(
        self,
        execution: Execution,
        places: Sequence[tuple[Place, ...]],
        progress: Progress,
        wait_for_others: bool = True,
    ) -> None:
        self.execution = execution
        self.progress = progress
        self.wait_for_others = wait_for_others
        self.executed = 0
        self._context = multiprocessing.get_context("forkserver")
        self._workers = [_Worker(group) for group in places]
        self._attempts: dict[str, int] = {}
        self._pending: deque[Run] = deque()
        self._elsewhere: list[Run] = []
        self._outcome = Outcome()

    def execute(self, runs: Sequence[Run]) -> Outcome:
        """Execute what is missing of `runs` and return how all of them ended.

        Raises `Interrupted` on SIGINT and SIGTERM and `UserError` where nothing can go on (a full disk, a config that
        cannot be built); the same call then finishes what is missing.
        """
        missing = [run for run in runs if not self._already_complete(run)]
        self._pending.extend(run for run in missing if self.wait_for_others or not is_held(run.directory))
        if not self._pending:
            return self._outcome
        with interrupting(Interrupted), self.progress:
            try:
                self._start_server()
                while self._pending or self._elsewhere or any(worker.run for worker in self._workers):
                    self._assign()
                    self._listen()
                    self._look_elsewhere()
            except Interrupted as interruption:
                # Who presses Ctrl-C waits for the end; who sends a signal that can wait leaves time for a checkpoint.
                if interruption.signal_number != signal.SIGINT:
                    self._pause()
                raise
            finally:
                self._stop()
        return self._outcome

    def _already_complete(self, run: Run) -> bool:
        try:
            if run.record.is_complete():
                self._finish(run, run.record.read_status()["state"], executed=False)
                return True
        except CorruptRecord:
            pass  # it is set aside once this launcher holds it
        return False

    def _assign(self) -> None:
        for idle in self._workers:
            while idle.run is None and self._pending:
                run = self._pending.popleft()
                held = self._take(run)
                if held is not None:
                    self._dispatch(idle, run, held)

    def _take(self, run: Run) -> Lease | None:
        """Return the right to run `run`; None where it is complete by now or somebody else is at it."""
        held, state = take(run, self.progress.notice)
        if state is not None:
            self._finish(run, state, executed=False)
        elif held is None and self.wait_for_others:
            self._elsewhere.append(run)
        return held

    def _dispatch(self, idle: _Worker, run: Run, held: Lease) -> None:
        if not idle.processes:
            self._start(idle)
        idle.run, idle.lease, idle.waiting = run, held, len(idle.processes)
        idle.signs = VitalSigns()
        self.executed += 1
        self._attempts[run.run_id] = self._attempts.get(run.run_id, 0) + 1
        assignment = Assignment(run, self._attempts[run.run_id], _free_port() if len(idle.places) > 1 else 0)
        for connection in idle.connections:
            connection.send(assignment)
        self.progress.started(run)

    def _listen(self) -> None:
        handles: dict[Any, _Worker] = {}
        for busy in self._workers:
            if busy.run is not None:
                handles.update(dict.fromkeys(busy.connections, busy))
                handles.update({process.sentinel: busy for process in busy.processes})
        ready = multiprocessing.connection.wait(list(handles), timeout=POLL_SECONDS) if handles else []
        if not handles:
            time.sleep(POLL_SECONDS)
        # Messages before sentinels: a worker that said how it ended, and then ended, did not die over its run.
        for handle in sorted(ready, key=lambda item: isinstance(item, int)):
            busy = handles[handle]
            if busy.run is None:
                continue
            if isinstance(handle, int):
                self._died(busy)
                continue
            assert isinstance(handle, multiprocessing.connection.Connection)
            try:
                message: Message = handle.recv()
            except (EOFError, OSError):
                self._died(busy)
                continue
            self._heard(busy, message)
        for busy in list(self._workers):
            if busy.run is not None:
                self._check(busy)
        self.progress.refresh()

    def _check(self, busy: _Worker) -> None:
        """Look at a worker that is at a run; one that hangs is killed, and its run repeated."""
        busy.signs.look(process.pid for process in busy.processes)
        silent = busy.signs.hangs()
        if silent is not None:
            run = busy.run
            assert run is not None
            self._abandon(busy, kill=True)
            self._crashed(run, f"no progress for {silent:.0f} s, memory {busy.signs.memory}; the worker was killed")

    def _heard(self, busy: _Worker, message: Message) -> None:
        run = busy.run
        assert run is not None
        busy.signs.heard()
        if message.kind == "progress":
            self.progress.advanced(run, message.content)
        elif message.kind == "done":
            busy.waiting -= 1
            if busy.waiting == 0:
                self._release(busy)
                self._finish(run, message.content, executed=True)
        elif message.kind == "paused":
            busy.waiting -= 1
            if busy.waiting == 0:
                self._release(busy)
        elif message.kind == "refused":
            raise UserError(message.content)
        elif message.kind == "corrupt":
            set_aside(run, message.content, self.progress.notice)
            self._abandon(busy)
            self._attempts[run.run_id] -= 1
            self._pending.appendleft(run)
        else:
            self._abandon(busy)
            self._crashed(run, message.content)

    def _died(self, busy: _Worker) -> None:
        run = busy.run
        assert run is not None
        for process in busy.processes:
            process.join(timeout=1)
        codes = {process.exitcode for process in busy.processes} - {None}
        self._abandon(busy, kill=True)
        status, signs = ", ".join(map(str, codes)) or "unknown", busy.signs
        told = f"the worker process died (exit status {status}, memory up to {signs.memory})"
        if signs.ran_out_of_memory():
            told = f"memory ran out and the worker process, which had reached {signs.memory}, was killed"
            if len(self._workers) > 1:
                # One run less at a time from here on.
                self._workers.remove(busy)
                told += f"; {len(self._workers)} at a time from now on"
        self._crashed(run, told)

    def _abandon(self, busy: _Worker, kill: bool = False) -> None:
        # The other processes of a run may wait for the one that failed for ever.
        if kill or len(busy.processes) > 1:
            self._kill(busy)
        self._release(busy)

    def _crashed(self, run: Run, error: str) -> None:
        if self._attempts[run.run_id] < MAX_ATTEMPTS:
            self.progress.notice(f"{run.run_id} crashed ({error}); repeating it")
            self.progress.stopped(run)
            self._pending.append(run)
            return
        status = {**run.record.read_status(), "state": "crashed", "error": error}
        run.record.write_status(**status)
        self._outcome.crashed[run.run_id] = error
        self.progress.finished(run, "crashed", executed=True)

    def _finish(self, run: Run, state: str, executed: bool) -> None:
        (self._outcome.diverged if state == "diverged" else self._outcome.finished).append(run.run_id)
        self.progress.finished(run, state, executed)

    def _look_elsewhere(self) -> None:
        waiting, self._elsewhere = self._elsewhere, []
        for run in waiting:
            if self._already_complete(run):
                continue
            (self._elsewhere if is_held(run.directory) else self._pending).append(run)

    def _release(self, busy: _Worker) -> None:
        if busy.lease is not None:
            busy.lease.release()
        busy.run = busy.lease = None

    def _start_server(self) -> None:
        # The server imports once, for all workers; what their threads do must be known before its libraries load.
        before = dict(os.environ)
        os.environ["OMP_NUM_THREADS"] = str(self.execution.threads)
        for name, value in SLEEPING_THREADS.items():
            os.environ.setdefault(name, value)
        try:
            self._context.set_forkserver_preload(["studies.launch.worker"])
            with _ignoring(GIVE_WAY):
                # A signal to all processes is the launcher's to answer; what it starts inherits that it is ignored.
                multiprocessing.forkserver.ensure_running()
            for idle in self._workers[: len(self._pending)]:
                self._start(idle)
        finally:
            for name in ("OMP_NUM_THREADS", *SLEEPING_THREADS):
                if name in before:
                    os.environ[name] = before[name]
                else:
                    os.environ.pop(name, None)

    def _start(self, idle: _Worker) -> None:
        for place in idle.places:
            ours, theirs = self._context.Pipe()
            read_alive, write_alive = self._context.Pipe(duplex=False)
            process = self._context.Process(
                target=worker.main,
                args=(theirs, read_alive, self.execution, place),
                name=f"litmus-rank-{place.rank}",
            )
            with _without_main():
                process.start()
            theirs.close()
            read_alive.close()
            idle.processes.append(process)
            idle.connections.append(ours)
            idle.alive.append(write_alive)

    def _kill(self, busy: _Worker) -> None:
        for process in busy.processes:
            process.kill()
        for process in busy.processes:
            process.join()
        for connection in (*busy.connections, *busy.alive):
            connection.close()
        busy.processes, busy.connections, busy.alive = [], [], []

    def _pause(self) -> None:
        """Let the runs that are at work write a checkpoint, and wait for it."""
        for number in GIVE_WAY:
            signal.signal(number, signal.SIG_IGN)  # it is being done; Ctrl-C still ends it
        for busy in self._workers:
            if busy.run is not None:
                for alive in busy.alive:
                    with contextlib.suppress(OSError):
                        alive.send(None)
        end = time.monotonic() + PAUSE_SECONDS
        while any(busy.run for busy in self._workers) and time.monotonic() < end:
            self._listen()

    def _stop(self) -> None:
        """End all workers at once: a run that is cut off goes on from its checkpoint as if nothing had been."""
        for each in self._workers:
            run = each.run
            self._kill(each)
            if run is not None:
                with contextlib.suppress(CorruptRecord, UserError):
                    run.record.write_status(**{**run.record.read_status(), "state": "interrupted"})
            self._release(each)


@contextlib.contextmanager
def interrupting(error: type[Interrupted]) -> Iterator[None]:
    """Raise `error` within the block at the signals that ask a program to stop: Ctrl-C, `kill`, a cluster's warning."""

    def interrupt(number: int, frame: types.FrameType | None) -> None:
        raise error(number)

    previous = {}
    for number in (signal.SIGINT, *GIVE_WAY):
        with contextlib.suppress(ValueError):  # only the main thread may handle signals
            previous[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _ignoring(numbers: Sequence[signal.Signals]) -> Iterator[None]:
    previous = {}
    for number in numbers:
        with contextlib.suppress(ValueError):  # only the main thread may handle signals
            previous[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Hide the program that was started from `multiprocessing`, which would run it again in every worker.

    Workers need nothing of it, and a user's script then needs no `if __name__ == "__main__"`.
    """
    program = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = program


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
