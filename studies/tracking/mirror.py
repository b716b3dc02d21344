"""A run in W&B that never stops what it mirrors: what goes wrong there is written down beside the record."""

import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from studies.records.run_record import RunRecord
from studies.records.upload_record import Upload, content_of, read_upload, write_upload
from studies.tracking import account, names
from studies.tracking.history import Values
from studies.tracking.wandb_run import Told, WandbRun

REST_SECONDS = 600.0
"""After a failure, how long the runs of a process do without W&B: none of them waits for a server that is gone."""


class Mirror:
    """A run in W&B, as long as W&B takes it.

    `mode` is online or offline, `patience` how many seconds the end waits for the upload. `error` says what went wrong,
    in a line; what is missing then is uploaded from the record. After a failure those that `rest` do not try again for
    a while.
    """

    failed_at: float = -math.inf
    """When one failed in this process, by the monotonic clock."""

    def __init__(self, told: Told, mode: str, patience: float, rest: bool = True) -> None:
        self.record = told.record
        self.error = ""
        self._run: WandbRun | None = None
        self._upload: Upload | None = None
        self._online = mode == "online"
        if rest and self._online and time.monotonic() < Mirror.failed_at + REST_SECONDS:
            self.error = "W&B failed in the run before"
        else:
            self._run = self._guarded(lambda: WandbRun(told, mode, patience))
        if self._run is not None and self._online:
            self._upload = self._run.upload
        self._note()

    @property
    def upload(self) -> Upload | None:
        """Where the run lies on the server, None where it does not."""
        return self._upload

    def log(self, step: int, values: Values) -> None:
        """Log what belongs to a step."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.log(step, values))

    def attach(self, kind: str, name: str, files: Mapping[str, Path]) -> None:
        """Keep files, by their names within it, as an artifact of W&B."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.attach(kind, name, files))

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Close the run with its result."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.finish(summary))
            self._close(str(summary["state"]))

    def stop(self, state: str, reason: str) -> None:
        """Close the run without a result."""
        run = self._run
        if run is not None:
            self._guarded(lambda: run.stop(state, reason))
            self._close(state)

    def _close(self, state: str) -> None:
        self._run = None
        upload = self._upload
        if upload is None:
            return
        if not self.error and not account.has_arrived(upload.entity, upload.project, upload.identity, state):
            self._failed(f"{upload.server} did not take all of it")
        if not self.error:
            self._upload = replace(upload, content=content(self.record))
        self._note()

    def _guarded(self, action: Any) -> Any:
        try:
            return action()
        except Exception as error:  # whatever the client raises, the experiment goes on
            self._failed(f"{type(error).__name__}: {error}")
            return None

    def _failed(self, error: str) -> None:
        self._run = None
        self.error = self.error or names.shortened(error.partition("\n")[0], 300)
        if self._online:
            Mirror.failed_at = time.monotonic()
        print(f"W&B: {self.error}")
        self._note()

    def _note(self) -> None:
        if self._upload is not None:
            write_upload(self.record.upload_file, replace(self._upload, error=self.error))
        elif self.error:
            known = read_upload(self.record.upload_file) or Upload(account.server(), "", account.project(), "")
            write_upload(self.record.upload_file, replace(known, content="", error=self.error))


def content(record: RunRecord) -> str:
    """Return a digest of all of a record that W&B is told."""
    return content_of((record.config_file, record.metrics_file, record.probes_file, record.summary_file))
