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
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from litmus.core.errors import UserError
from litmus.launch import worker
from litmus.launch.progress import Progress
from litmus.launch.run_queue import MAX_ATTEMPTS, Outcome, set_aside, take
from litmus.launch.worker import GIVE_WAY, SMALLER, Assignment, Interrupted, Message, ignoring, interrupting
from litmus.records.lease import Lease, is_held
from litmus.records.storage import CorruptRecord, StorageError
from litmus.training.run import Execution, Place, Run

FIRST_SILENCE = 3600.0
"""Seconds that a run may take to its first sign of progress: reading data and compiling are slow."""

LEAST_SILENCE = 600.0
"""Seconds without progress before which no worker is taken to hang."""

USUAL_SILENCES = 30.0
"""A worker hangs where it is silent for so many times the longest silence of its run so far."""


class VitalSigns:
    """What the launcher has seen of the processes of one worker since it gave them a run."""

    def __init__(self) -> None:
        self.peak_kib = 0
        self._heard = time.monotonic()
        self._longest: float | None = None
        self._out_of_memory = times_out_of_memory()

    def heard(self) -> None:
        """There was a sign of progress."""
        now = time.monotonic()
        # The silence before the first sign says nothing of the steps.
        self._longest = 0.0 if self._longest is None else max(self._longest, now - self._heard)
        self._heard = now

    def look(self, processes: Iterable[int | None]) -> None:
        """Look how much memory the processes of these numbers have taken at most."""
        self.peak_kib = max([self.peak_kib, *(_peak_kib(number) for number in processes)])

    def hangs(self) -> float | None:
        """Return for how many seconds there was no progress where that is too long, else None."""
        silent = time.monotonic() - self._heard
        usual = FIRST_SILENCE if self._longest is None else max(LEAST_SILENCE, USUAL_SILENCES * self._longest)
        return silent if silent > usual else None

    def ran_out_of_memory(self) -> bool:
        """Whether the system has killed a process for its memory since."""
        return times_out_of_memory() > self._out_of_memory

    @property
    def memory(self) -> str:
        """The most memory that one of the processes was seen with, in words."""
        mib = self.peak_kib / 1024
        return f"{mib / 1024:.1f} GiB" if mib >= 1024 else f"{mib:.0f} MiB"


def times_out_of_memory() -> int:
    """Return how often the system has killed a process because memory ran out; 0 where it does not say."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))


def _peak_kib(number: int | None) -> int:
    try:
        lines = Path(f"/proc/{number}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""Lets threads that wait for each other sleep. By default they spin, which takes the core from the one waited for where
other programs want it too: a step can then take many times as long as with one thread."""

_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")


@dataclass
class WorkerGroup:
    """The processes that train one run together, and the run they are at, which `lease` is the right to."""

    places: tuple[Place, ...]
    processes: list[BaseProcess] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    alive: list[Connection] = field(default_factory=list)
    run: Run | None = None
    lease: Lease | None = None
    waiting: int = 0
    signs: VitalSigns = field(default_factory=VitalSigns)

    def start(self, execution: Execution) -> None:
        """Start the processes."""
        for place in self.places:
            ours, theirs = _CONTEXT.Pipe()
            read_alive, write_alive = _CONTEXT.Pipe(duplex=False)
            process = _CONTEXT.Process(
                target=worker.main, args=(theirs, read_alive, execution, place), name=f"litmus-rank-{place.rank}"
            )
            with _without_main():
                process.start()
            theirs.close()
            read_alive.close()
            self.processes.append(process)
            self.connections.append(ours)
            self.alive.append(write_alive)

    def assign(self, run: Run, lease: Lease, attempts: int) -> None:
        """Give the processes a run."""
        self.run, self.lease, self.waiting, self.signs = run, lease, len(self.processes), VitalSigns()
        assignment = Assignment(run, attempts, free_port() if len(self.places) > 1 else 0)
        for connection in self.connections:
            connection.send(assignment)

    def give_way(self) -> None:
        """Ask the processes to checkpoint the run and leave it, where they are at one."""
        for alive in self.alive if self.run is not None else ():
            with contextlib.suppress(OSError):
                alive.send(None)

    def handles(self) -> list[Any]:
        """Return what becomes ready where a process says something, or ends (a number)."""
        return [*self.connections, *(process.sentinel for process in self.processes)]

    def release(self) -> None:
        """Give the right to the run back."""
        if self.lease is not None:
            self.lease.release()
        self.run = self.lease = None

    def kill(self) -> None:
        """End the processes at once."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join()
        for connection in (*self.connections, *self.alive):
            connection.close()
        self.processes, self.connections, self.alive = [], [], []


@contextlib.contextmanager
def prepared(execution: Execution) -> Iterator[None]:
    """Start the server that all workers are forked from: it imports once for all of them.

    Within the block the environment says what their threads do, which must be known before their libraries load.
    """
    changed = {"OMP_NUM_THREADS": str(execution.threads)}
    changed.update({name: value for name, value in SLEEPING_THREADS.items() if name not in os.environ})
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        _CONTEXT.set_forkserver_preload(["litmus.launch.worker"])
        with ignoring(GIVE_WAY):
            # A signal to all processes is the launcher's to answer; what it starts inherits that it is ignored.
            multiprocessing.forkserver.ensure_running()
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


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


def free_port() -> int:
    """Return a port of this machine that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


POLL_SECONDS = 0.5

PAUSE_SECONDS = 60.0
"""How long runs that are to give way may take to reach the end of a step and write a checkpoint."""


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
        self._workers = [WorkerGroup(group) for group in places]
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
                with prepared(self.execution):
                    for idle in self._workers[: len(self._pending)]:
                        idle.start(self.execution)
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
        outcome = run.record.outcome()
        if outcome.is_complete:
            self._finish(run, outcome.state, executed=False)
        return outcome.is_complete  # a corrupt record is set aside once this launcher holds it

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

    def _dispatch(self, idle: WorkerGroup, run: Run, held: Lease) -> None:
        if not idle.processes:
            idle.start(self.execution)
        self.executed += 1
        self._attempts[run.run_id] = self._attempts.get(run.run_id, 0) + 1
        idle.assign(run, held, self._attempts[run.run_id])
        self.progress.started(run)

    def _listen(self) -> None:
        handles: dict[Any, WorkerGroup] = {}
        for busy in self._workers:
            if busy.run is not None:
                handles.update(dict.fromkeys(busy.handles(), busy))
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

    def _check(self, busy: WorkerGroup) -> None:
        """Look at a worker that is at a run; one that hangs is killed, and its run repeated.

        Raises `StorageError` where the run's folder is gone, with whatever it is part of.
        """
        assert busy.lease is not None
        if not busy.lease.path.exists():
            raise StorageError(f"{busy.lease.path.parent} is gone: it was moved or removed while its run was at work")
        busy.signs.look(process.pid for process in busy.processes)
        silent = busy.signs.hangs()
        if silent is not None:
            run = busy.run
            assert run is not None
            self._abandon(busy, kill=True)
            self._crashed(run, f"no progress for {silent:.0f} s, memory {busy.signs.memory}; the worker was killed")

    def _heard(self, busy: WorkerGroup, message: Message) -> None:
        run = busy.run
        assert run is not None
        busy.signs.heard()
        if message.kind == "progress":
            self.progress.advanced(run, message.content)
        elif message.kind == "done":
            busy.waiting -= 1
            if busy.waiting == 0:
                busy.release()
                self._finish(run, message.content, executed=True)
        elif message.kind == "paused":
            busy.waiting -= 1
            if busy.waiting == 0:
                busy.release()
        elif message.kind == "refused":
            raise UserError(message.content)
        elif message.kind == "corrupt":
            set_aside(run, message.content, self.progress.notice)
            self._abandon(busy)
            self._attempts[run.run_id] -= 1
            self._pending.appendleft(run)
        elif message.kind == "no memory":
            self._out_of_gpu_memory(busy, run, message.content)
        else:
            self._abandon(busy)
            self._crashed(run, message.content)

    def _out_of_gpu_memory(self, busy: WorkerGroup, run: Run, error: str) -> None:
        """Repeat a run that found its GPU's memory full with one run less beside it; alone there, it has crashed."""
        # What its process holds of the memory is given back with it.
        self._abandon(busy, kill=True)
        here = {index for place in busy.places for index in place.device_indices}
        beside = [
            each
            for each in self._workers
            if each is not busy and any(here.intersection(place.device_indices) for place in each.places)
        ]
        if not beside:
            self._crashed(run, f"the GPU's memory ran out with no other run on it; {SMALLER} ({error})")
            return
        self._workers.remove(busy)
        self._attempts[run.run_id] -= 1
        self.progress.notice(
            f"{run.run_id} found the GPU's memory full and is repeated; {len(self._workers)} at a time from now on"
        )
        self.progress.stopped(run)
        self._pending.append(run)

    def _died(self, busy: WorkerGroup) -> None:
        run = busy.run
        assert run is not None
        for process in busy.processes:
            process.join(timeout=1)
        codes = {process.exitcode for process in busy.processes} - {None}
        self._abandon(busy, kill=True)
        status, signs = ", ".join(map(str, codes)) or "unknown", busy.signs
        told = f"the worker process died (exit status {status}, memory up to {signs.memory})"
        if signs.ran_out_of_memory():
            told = f"memory ran out and the worker process, which had reached {signs.memory}, was killed; {SMALLER}"
            if len(self._workers) > 1:
                # One run less at a time from here on.
                self._workers.remove(busy)
                told += f"; {len(self._workers)} at a time from now on"
        self._crashed(run, told)

    def _abandon(self, busy: WorkerGroup, kill: bool = False) -> None:
        # The other processes of a run may wait for the one that failed for ever.
        if kill or len(busy.processes) > 1:
            busy.kill()
        busy.release()

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

    def _pause(self) -> None:
        """Let the runs that are at work write a checkpoint, and wait for it."""
        for number in GIVE_WAY:
            signal.signal(number, signal.SIG_IGN)  # it is being done; Ctrl-C still ends it
        for busy in self._workers:
            busy.give_way()
        end = time.monotonic() + PAUSE_SECONDS
        while any(busy.run for busy in self._workers) and time.monotonic() < end:
            self._listen()

    def _stop(self) -> None:
        """End all workers at once: a run that is cut off goes on from its checkpoint as if nothing had been."""
        for each in self._workers:
            run = each.run
            each.kill()
            if run is not None and run.directory.is_dir():
                with contextlib.suppress(CorruptRecord, UserError, OSError):
                    run.record.write_status(**{**run.record.read_status(), "state": "interrupted"})
            each.release()
