"""Tracking of a study's runs with W&B: its mode, resolved once, and what was not uploaded."""

import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from litmus.core.formatting import several
from litmus.launch.config import LaunchConfig
from litmus.records.run_record import read_upload
from litmus.training.loggers import account, mode_from_environment
from litmus.training.run import Run

LATER = "runs are tracked offline; litmus wandb sync STUDY uploads them later"


def settled(launch: LaunchConfig, tell: bool = True) -> LaunchConfig:
    """Return `launch` with the mode of W&B in which its runs are tracked, and tell it once.

    An online one without a key, or with a server that does not answer, becomes offline: no run waits for it. Raises
    `UserError` for a mode that there is not.
    """
    mode = mode_from_environment(launch.wandb)
    if mode == "online":
        found = account()
        if found.problem:
            mode = "offline"
        where = f"{found.entity}/{found.project}" if found.entity else found.project
        line = f"{found.problem}; {LATER}" if found.problem else f"runs go to {where} on {found.server}"
        if tell:
            _tell(line)
    elif mode == "offline" and tell:
        _tell(LATER)
    return replace(launch, wandb=mode)


@lru_cache(maxsize=8)
def _tell(line: str) -> None:
    # Cached, so that each line is told once however many studies and rounds of seeds follow.
    print(f"litmus: W&B: {line}", file=sys.stderr)


def not_uploaded(runs: Sequence[Run]) -> str:
    """Return which of `runs` W&B has not got, and why, in a line; empty where it has all that it was sent."""
    uploads = [read_upload(run.record.upload_file) for run in runs]
    errors = [upload.error for upload in uploads if upload is not None and upload.error]
    if not errors:
        return ""
    study = runs[0].directory.parent.name
    return (
        f"W&B: {several(len(errors), 'run')} of {len(runs)} not uploaded ({errors[0]}); the records are whole, "
        f"litmus wandb sync {study} uploads them"
    )
