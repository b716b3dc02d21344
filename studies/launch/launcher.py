"""The local launcher: warm workers, one run at a time each, until every run has its result."""

import contextlib
import multiprocessing.connection
import signal
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from litmus.errors import UserError
from studies.launch.giving_way import GIVE_WAY
from studies.launch.interruption import Interrupted, interrupting
from studies.launch.outcome import MAX_ATTEMPTS, Outcome
from studies.launch.progress import Progress
from studies.launch.take import set_aside, take
from studies.launch.worker import SMALLER, Message
from studies.launch.worker_group import WorkerGroup, prepared
from studies.records.lease import Lease, is_held
from studies.records.storage import CorruptRecord, StorageError
from studies.training.run import Execution, Place, Run

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
