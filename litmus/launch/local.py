"""The launcher of this machine: worker processes that stay alive, one run at a time each, until every run is done."""

import contextlib
import multiprocessing
import multiprocessing.connection
import multiprocessing.forkserver
import os
import socket
import sys
import time
import types
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NoReturn

from lightning.fabric.plugins.environments.lightning import find_free_network_port

from litmus.core.errors import UserError
from litmus.core.formatting import several
from litmus.launch.progress import Progress
from litmus.launch.signals import Interrupted, StopRequest, checkpoint_signals_ignored, stop_on_signals
from litmus.launch.worker import FAILURES, Assignment, Message
from litmus.launch.worker import main as worker_main
from litmus.records.lease import Lease, acquire, is_held
from litmus.records.storage import CorruptRecord, StorageError, TakenOver
from litmus.training.run import Execution, Place, Run

MAX_ATTEMPTS = 2
"""A crashed run is repeated once; a run that crashes twice is reported."""

POLL_SECONDS = 0.5

CHECKPOINT_SECONDS = 60.0
"""Time for the runs to end a step and write a checkpoint, once a signal asks for it."""

END_SECONDS = 10.0
"""Time for a killed process to end: one that waits in the system for a disk or a driver may never do."""

FIRST_ERROR_SECONDS = 1.0
"""Time for the other processes of a run to report too, after one has failed: the first error is the cause of theirs."""

HANG_SECONDS = 3600.0
"""A worker without a heartbeat for this long hangs; reading data and compiling are slow."""

SLEEPING_THREADS = {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0", "KMP_BLOCKTIME": "0"}
"""Lets threads that wait for each other sleep. By default they spin, which takes the core from the one waited for where
other programs want it too: a step can then take many times as long as with one thread."""

if "forkserver" not in multiprocessing.get_all_start_methods():
    raise UserError("this system cannot fork processes; on Windows, use WSL")
_CONTEXT: ForkServerContext = multiprocessing.get_context("forkserver")


def claim(run: Run, notice: Callable[[str], None]) -> Lease | None:
    """Return the lease on `run`, to execute it; None if it is complete, or if another launcher holds it.

    A record that cannot be read is set aside, and the run starts anew.
    """
    while (lease := acquire(run.directory)) is not None:
        outcome = run.record.outcome()
        if outcome.state == "corrupt":
            set_aside(run, outcome.problem, notice)
        elif not outcome.is_complete:
            return lease
        lease.release()
        if outcome.is_complete:
            break
    return None


def set_aside(run: Run, reason: str, notice: Callable[[str], None]) -> None:
    """Move the record of `run` out of the way, and say so."""
    target = run.record.set_aside()
    notice(f"record set aside as {target.name} and repeated: {reason}")


@dataclass
class Worker:
    """A worker: the processes that execute one run at a time together, one for each of `places`.

    `lease` is held on `run` while they execute it, `running` counts those that have not ended it yet, `heard` is the
    time of the last message, and `oom_kills` the system's count of out-of-memory kills when the run began. `failed_run`
    is the last run if its device failed, and `env` has the environment variables that the processes were given.
    """

    places: tuple[Place, ...]
    processes: list[BaseProcess] = field(default_factory=list)
    connections: list[Connection] = field(default_factory=list)
    pause_pipes: list[Connection] = field(default_factory=list)
    run: Run | None = None
    lease: Lease | None = None
    running: int = 0
    heard: float = 0.0
    oom_kills: int = 0
    failed_run: Run | None = None
    env: dict[str, str | None] | None = None

    def start(self, execution: Execution) -> None:
        """Start the processes."""
        for place in self.places:
            ours, theirs = _CONTEXT.Pipe()
            read_pause, write_pause = _CONTEXT.Pipe(duplex=False)
            process = _CONTEXT.Process(
                target=worker_main, args=(theirs, read_pause, execution, place), name=f"litmus-rank-{place.rank}"
            )
            with _without_main():
                process.start()
            theirs.close()
            read_pause.close()
            self.processes.append(process)
            self.connections.append(ours)
            self.pause_pipes.append(write_pause)

    def assign(self, run: Run, lease: Lease, attempts: int) -> None:
        """Send a run to the processes."""
        self.run, self.lease, self.running, self.env = run, lease, len(self.processes), run.config.env
        self.heard, self.oom_kills = time.monotonic(), oom_kills()
        assignment = Assignment(run, lease.path, attempts, find_free_network_port() if len(self.places) > 1 else 0)
        for connection in self.connections:
            with contextlib.suppress(OSError):  # it died just now, which the launcher notices next
                connection.send(assignment)

    def pause(self) -> None:
        """Ask the processes to checkpoint their run and leave it."""
        for pipe in self.pause_pipes if self.run is not None else ():
            with contextlib.suppress(OSError):
                pipe.send(None)

    def release(self) -> None:
        """Release the lease on the run."""
        if self.lease is not None:
            self.lease.release()
        self.run = self.lease = None

    def kill(self) -> None:
        """End the processes at once."""
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.join(timeout=END_SECONDS)
            if process.is_alive():
                # Python would wait for it at its end, too.
                multiprocessing.process._children.discard(process)  # type: ignore[attr-defined]
        for connection in (*self.connections, *self.pause_pipes):
            connection.close()
        self.processes, self.connections, self.pause_pipes, self.env = [], [], [], None


class LocalLauncher:
    """Executes runs on this machine with `places`, one tuple of device places for each concurrent run.

    If other launchers hold some of the runs, it waits for them and takes over unfinished ones, unless `wait_for_others`
    is false.
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
        self._workers = [Worker(each) for each in places]
        self._attempts: Counter[str] = Counter()
        self._pending: deque[Run] = deque()
        self._held_by_others: list[Run] = []
        self._arms: set[str] = set()
        self._looked_at_leases = time.monotonic()

    def execute(self, runs: Sequence[Run]) -> int:
        """Execute what is missing of `runs`, and return how many this launcher executed itself.

        Raises `Interrupted` on SIGINT and SIGTERM, and `UserError` if no run can continue (a full disk, a config that
        cannot be built); the same call then finishes what is missing.
        """
        missing = [run for run in runs if not self._announce_if_complete(run)]
        self._arms = {run.arm for run in missing}
        self._pending.extend(run for run in missing if self.wait_for_others or not is_held(run.directory))
        if not self._pending:
            return 0
        with stop_on_signals() as stop, self.progress:
            try:
                with forkserver(self.execution):
                    for worker in self._workers[: len(self._pending)]:
                        worker.start(self.execution)
                while self._pending or self._held_by_others or any(each.run for each in self._workers):
                    if stop.is_set():
                        self._stop_after_checkpoints(stop)
                    self._assign()
                    self._receive()
                    self._look_at_others()
            finally:
                self._kill_workers()
        return len(self._attempts)

    def _announce_if_complete(self, run: Run) -> bool:
        """Return whether `run` has its result, and show it if so."""
        outcome = run.record.outcome()
        if outcome.is_complete:
            self.progress.finished(run, outcome.state, executed=False)
        return outcome.is_complete  # a corrupt record is set aside once this launcher has claimed it

    def _assign(self) -> None:
        for worker in self._workers:
            while worker.run is None and self._pending:
                run = self._pending.popleft()
                lease = claim(run, self.progress.notice)
                if lease is not None:
                    died = not all(process.is_alive() for process in worker.processes)
                    if died or worker.env not in (None, run.config.env):
                        worker.kill()  # a process imports the user's code once, with one environment
                    if not worker.processes:
                        worker.start(self.execution)
                    self._attempts[run.run_id] += 1
                    worker.assign(run, lease, self._attempts[run.run_id])
                    self.progress.started(run)
                elif not self._announce_if_complete(run) and self.wait_for_others:
                    self._held_by_others.append(run)

    def _look_at_others(self) -> None:
        waiting, self._held_by_others = self._held_by_others, []
        for run in waiting:
            if not self._announce_if_complete(run):
                (self._held_by_others if is_held(run.directory) else self._pending).append(run)

    def _receive(self) -> None:
        """Wait for messages and deaths of workers, and answer them."""
        handles: dict[Any, Worker] = {}
        for worker in self._workers:
            if worker.run is not None:
                handles.update(dict.fromkeys(worker.connections, worker))
                handles.update((process.sentinel, worker) for process in worker.processes)
        if not handles:
            time.sleep(POLL_SECONDS)
        ready = multiprocessing.connection.wait(list(handles), timeout=POLL_SECONDS) if handles else []
        # Messages before sentinels: a worker that sent how its run ended, and then died, did not die over its run.
        for handle in sorted(ready, key=lambda item: isinstance(item, int)):
            worker = handles[handle]
            if worker.run is None:
                continue
            message: Message | None = None
            if isinstance(handle, Connection):
                with contextlib.suppress(EOFError, OSError):
                    message = handle.recv()
            if message is not None and message.kind in FAILURES and len(worker.processes) > 1:
                message = _first_error(worker, message)
            if message is None:
                self._died(worker)
            else:
                self._answer(worker, message)
        self._look_at_workers()
        self.progress.refresh()

    def _answer(self, worker: Worker, message: Message) -> None:
        run = worker.run
        assert run is not None
        worker.heard = time.monotonic()
        if message.kind == "progress":
            self.progress.advanced(run, message.content)
        elif message.kind in ("done", "paused"):
            worker.running -= 1
            if worker.running == 0:
                worker.release()
                worker.failed_run = None
                if message.kind == "done":
                    self.progress.finished(run, message.content, executed=True)
        elif message.kind == "refused":
            raise UserError(message.content)
        elif message.kind == "corrupt":
            set_aside(run, message.content, self.progress.notice)
            self._abandon(worker)
            self._attempts[run.run_id] -= 1
            self._pending.appendleft(run)
        elif message.kind == "taken over":
            self._leave(worker)
        elif message.kind == "out of memory":
            self._out_of_memory(worker, run, message.content)
        else:
            self._crashed(worker, run, message.content, device_failed=message.kind == "device failed")

    def _look_at_workers(self) -> None:
        """Kill workers that hang, and repeat their runs; leave the runs that another launcher has taken over.

        Raises `StorageError` where a run's folder is gone.
        """
        now = time.monotonic()
        look_at_leases = now - self._looked_at_leases >= POLL_SECONDS
        if look_at_leases:
            self._looked_at_leases = now
        for worker in [each for each in self._workers if each.run is not None]:
            run, lease = worker.run, worker.lease
            assert run is not None
            assert lease is not None
            if look_at_leases and not lease.path.exists():
                raise StorageError(f"{run.directory} is gone: it was moved or removed while its run was executed")
            if look_at_leases and lease.is_taken_over():
                self._leave(worker)
            elif now - worker.heard > HANG_SECONDS:
                self._crashed(worker, run, f"no progress for {now - worker.heard:.0f} s; the worker was killed")

    def _leave(self, worker: Worker) -> None:
        """Leave the run of `worker` to the launcher that has taken it over."""
        run = worker.run
        assert run is not None
        self._abandon(worker)
        self._attempts[run.run_id] -= 1
        self.progress.notice(f"{run.run_id} is left to another launcher, which took it over while this one was silent")
        self.progress.stopped(run)
        if self.wait_for_others:
            self._held_by_others.append(run)

    def _died(self, worker: Worker) -> None:
        run = worker.run
        assert run is not None
        for process in worker.processes:
            process.join(timeout=1)
        codes = {process.exitcode for process in worker.processes} - {None}
        if oom_kills() > worker.oom_kills:
            self._out_of_memory(worker, run, "the system killed the worker process")
            return
        error = f"the worker process died (exit status {', '.join(map(str, codes)) or 'unknown'})"
        self._crashed(worker, run, error, device_failed=self.execution.accelerator == "cuda")

    def _out_of_memory(self, worker: Worker, run: Run, error: str) -> None:
        """Repeat a run that ran out of memory, with one run fewer at a time; a run that was alone has crashed."""
        devices = {index for place in worker.places for index in place.device_indices}
        others = [place for each in self._workers if each is not worker for place in each.places]
        if not any(devices.intersection(place.device_indices) for place in others):
            remedy = "--trainer.accumulate 2 takes half a batch at a time"
            self._crashed(worker, run, f"memory ran out with no other run on the device; {remedy} ({error})")
            return
        self._abandon(worker)
        self._workers.remove(worker)
        self._attempts[run.run_id] -= 1
        at_a_time = several(len(self._workers), "run")
        self.progress.notice(
            f"{run.run_id} ran out of memory and is repeated, {at_a_time} at a time from now on ({error})"
        )
        self.progress.stopped(run)
        self._pending.append(run)

    def _abandon(self, worker: Worker) -> None:
        # A process whose run has failed takes no other: after an error of CUDA each further call fails too. It gives
        # back its memory, and those that train with it may wait for it.
        worker.kill()
        worker.release()

    def _crashed(self, worker: Worker, run: Run, error: str, device_failed: bool = False) -> None:
        """Repeat the run of `worker`, or report it where it has crashed `MAX_ATTEMPTS` times.

        A worker whose device failed in two runs in succession takes no other, and the runs are not to blame. Raises
        `UserError` where no worker is left.
        """
        earlier, worker.failed_run = worker.failed_run, run if device_failed else None
        is_bad = device_failed and earlier is not None and earlier.run_id != run.run_id
        # Of several arms one may be at fault, by its code: the others are tried then.
        is_bad = is_bad and (len(self._arms) == 1 or earlier is None or earlier.arm != run.arm)
        is_last = not is_bad and self._attempts[run.run_id] >= MAX_ATTEMPTS
        status = {key: value for key, value in run.record.read_status().items() if key != "error"}
        # Another launcher may execute a run that is not at its last attempt.
        status |= {"state": "crashed", "error": error} if is_last else {"state": "interrupted"}
        try:
            run.record.write_status(**status)
        except TakenOver:
            self._leave(worker)
            return
        self._abandon(worker)
        if is_last:
            self.progress.finished(run, "crashed", executed=True)
            return
        self.progress.stopped(run)
        self._pending.append(run)
        if not is_bad:
            self.progress.notice(f"{run.run_id} crashed ({error}); repeating it")
            return
        self._attempts[run.run_id] -= 1
        self._workers.remove(worker)
        where = socket.gethostname()
        if self.execution.accelerator == "cuda":
            where = f"GPU {', '.join(map(str, worker.places[0].device_indices))} of {where}"
        problem = f"{where} takes no more runs: two in succession crashed there ({error})"
        if not self._workers:
            raise UserError(f"{problem}; when it is repaired, or on another machine, the same command continues")
        self.progress.notice(problem)

    def _stop_after_checkpoints(self, stop: StopRequest) -> NoReturn:
        """Let the current runs write a checkpoint, wait for it, and raise `Interrupted`."""
        for each in self._workers:
            each.pause()
        end = time.monotonic() + CHECKPOINT_SECONDS
        while any(each.run for each in self._workers) and time.monotonic() < end:
            self._receive()
        raise Interrupted(stop.number)

    def _kill_workers(self) -> None:
        """End all workers at once: an interrupted run continues from its checkpoint as if nothing had happened."""
        for each in self._workers:
            run = each.run
            each.kill()
            if run is not None and run.directory.is_dir():
                with contextlib.suppress(CorruptRecord, UserError, OSError):
                    run.record.write_status(**{**run.record.read_status(), "state": "interrupted"})
            each.release()


@contextlib.contextmanager
def forkserver(execution: Execution) -> Iterator[None]:
    """Start the server that all workers are forked from: it imports once for all of them.

    Within the block the environment sets the workers' threads, before their libraries load.
    """
    # The server would look for modules in the current folder first, where a user's file may have a library's name.
    changed = {"OMP_NUM_THREADS": str(execution.threads), "PYTHONSAFEPATH": "1"}
    changed.update({name: value for name, value in SLEEPING_THREADS.items() if name not in os.environ})
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        _CONTEXT.set_forkserver_preload(["litmus.launch.worker"])
        with checkpoint_signals_ignored():
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


def _first_error(worker: Worker, message: Message) -> Message | None:
    """Return the first error of a worker's processes, None where one died: the others lose their connection to it."""
    end = time.monotonic() + FIRST_ERROR_SECONDS
    errors = [message]
    for connection in worker.connections:
        with contextlib.suppress(EOFError, OSError):
            while connection.poll(max(0.0, end - time.monotonic())):
                errors.append(connection.recv())
                if errors[-1].kind in FAILURES:
                    break
    if any(process.exitcode is not None and process.exitcode < 0 for process in worker.processes):
        return None
    return min((each for each in errors if each.kind in FAILURES), key=lambda each: each.time)


def oom_kills() -> int:
    """Return how often the system has killed a process because memory ran out; 0 if unknown."""
    try:
        lines = Path("/proc/vmstat").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))
