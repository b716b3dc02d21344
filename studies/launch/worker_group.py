"""The processes that train one run together, warm between runs: how they start, what they are told, how they end."""

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import socket
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from typing import Any

from studies.launch import worker
from studies.launch.giving_way import GIVE_WAY
from studies.launch.interruption import ignoring
from studies.launch.vital_signs import VitalSigns
from studies.launch.worker import Assignment
from studies.records.lease import Lease
from studies.training.run import Execution, Place, Run

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
        _CONTEXT.set_forkserver_preload(["studies.launch.worker"])
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
