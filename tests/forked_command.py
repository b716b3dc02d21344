"""The command line in a process that is forked from one which has imported PyTorch: importing it takes seconds."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")


class Forked:
    """`litmus` in a process and a session of its own; the methods are those of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], cwd: Path | None = None) -> None:
        from litmus.launch.local import _without_main  # here, since most tests start no process

        self._arguments = list(arguments)
        self._folder = tempfile.TemporaryDirectory()
        self._printed = [Path(self._folder.name, name) for name in ("stdout", "stderr")]
        around = (dict(environment), cwd or Path.cwd(), self._printed)
        _CONTEXT.set_forkserver_preload(["litmus.cli.run"])
        ours, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_main, args=(self._arguments, *around, theirs))
        with _without_main():
            self._process.start()
        ours.recv()  # it has its session now
        self.pid = self._process.pid or 0
        self.kill, self.terminate = self._process.kill, self._process.terminate

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def communicate(self, timeout: float = 500) -> tuple[str, str]:
        """Wait for its end, and return what it printed as results and as errors."""
        self._process.join(timeout)
        if self._process.is_alive():
            raise subprocess.TimeoutExpired(self._arguments, timeout, *(file.read_bytes() for file in self._printed))
        output, errors = (file.read_text() for file in self._printed)
        return output, errors


def _main(arguments: list[str], environment: dict[str, str], cwd: Path, printed: list[Path], started: object) -> None:
    os.setsid()
    for descriptor, file in enumerate(printed, start=1):
        os.dup2(os.open(file, os.O_CREAT | os.O_WRONLY | os.O_APPEND), descriptor)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    sys.argv, sys.path = ["litmus", *arguments], ["", *sys.path]
    started.send(None)  # type: ignore[attr-defined]
    from litmus.cli.main import main

    try:
        main()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
